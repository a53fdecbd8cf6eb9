// What several threads use, each one piece at a time: as many pieces as are in use at once.
#pragma once

#include <functional>
#include <list>
#include <mutex>
#include <utility>
#include <vector>

namespace reverie {

template <typename T>
class Pool {
  public:
    /// Makes the first piece at once.
    explicit Pool(std::function<T()> make) : make_(std::move(make)) { free_.push_back(&pieces_.emplace_back(make_())); }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// The first piece, to be asked about what never changes.
    T& first() noexcept { return pieces_.front(); }

    /// One piece for oneself.
    class Lease {
      public:
        Lease(Pool& pool, T& piece) : pool_(pool), piece_(piece) {}
        ~Lease() { pool_.give_back(piece_); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        T& operator*() const noexcept { return piece_; }

      private:
        Pool& pool_;
        T& piece_;
    };

    /// One that nobody uses, a new one where there is none.
    Lease take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) {
            free_.reserve(pieces_.size() + 1);  // giving back needs no memory
            return {*this, pieces_.emplace_back(make_())};
        }
        T& piece = *free_.back();
        free_.pop_back();
        return {*this, piece};
    }

  private:
    void give_back(T& piece) noexcept {
        const std::lock_guard lock(mutex_);
        free_.push_back(&piece);
    }

    std::function<T()> make_;
    std::mutex mutex_;
    std::list<T> pieces_;
    std::vector<T*> free_;
};

}  // namespace reverie
