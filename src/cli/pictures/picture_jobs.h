// Private: how the pictures of a batch share the machine.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "reverie/cli/console.h"
#include "reverie/image/picture.h"

namespace reverie {

/// Who makes pictures at the same time, with how many threads: a function of what was asked for, never of what the
/// machine has free, because other threads sum in another order.
struct Sharing {
    int threads = 1;         ///< of the run
    int jobs = 1;            ///< most pictures at once
    std::int64_t small = 0;  ///< pixels up to which a picture is one of several; larger ones are made alone

    int threads_for(Size picture) const noexcept;
    int places_for(Size picture) const noexcept;  ///< of `jobs`
};

/// `asked`: --jobs, empty being auto, which is for pictures of up to `small` pixels. `pictures`: all that were asked
/// for, done or not.
Sharing share_machine(std::optional<int> asked, int threads, std::size_t pictures, std::int64_t small);

/// Lets pictures in, in the order they come, as long as there are places and memory for them beside those that are in.
/// There is always room for a single one.
class Room {
  public:
    explicit Room(int places) : free_(places), places_(places) {}

    class Place {
      public:
        Place(Room& room, int places, std::int64_t bytes) : room_(room), places_(places), bytes_(bytes) {}
        ~Place() { room_.leave(places_, bytes_); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

      private:
        Room& room_;
        int places_;
        std::int64_t bytes_;
    };

    /// Waits. `limit`: of the bytes of all that are in; 0: none.
    Place enter(int places, std::int64_t bytes, std::int64_t limit);

  private:
    void leave(int places, std::int64_t bytes);

    std::mutex door_;  ///< held by the one who waits, so that the small do not pass the large for ever
    std::mutex mutex_;
    std::condition_variable left_;
    int free_;
    int places_;
    std::int64_t bytes_ = 0;
};

/// The progress of a batch: each picture's own under its name, or, side by side, that of all as one.
class BatchProgress {
  public:
    BatchProgress(Console& console, bool together, std::size_t pictures)
        : console_(console), together_(together), pictures_(pictures) {}

    void begin(const std::string& label);
    void report(std::size_t picture, const Progress& progress);
    void end(std::size_t picture);

  private:
    void show();

    Console& console_;
    const bool together_;
    const std::size_t pictures_;
    std::mutex mutex_;
    std::size_t done_ = 0;
    std::map<std::size_t, double> parts_;  ///< of the pictures in work
};

}  // namespace reverie
