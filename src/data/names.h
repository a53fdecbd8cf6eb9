// Many short texts in one block, because a string of its own costs three times the name it holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reverie::data {

class Names {
  public:
    void add(std::string_view name);
    std::int64_t count() const noexcept { return static_cast<std::int64_t>(ends_.size()); }
    std::string_view operator[](std::int64_t index) const;
    /// Brings them into the order of their bytes, equal ones as they came; entry i of the answer is where the name that
    /// is now number i stood.
    std::vector<std::int64_t> sort();
    void shrink_to_fit();
    std::int64_t memory() const noexcept;

  private:
    std::string text_;
    std::vector<std::uint64_t> ends_;
};

}  // namespace reverie::data
