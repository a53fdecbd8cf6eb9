// The working memory of the pickle interpreter: its stack with marks, and its memo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pickle.h"

namespace reverie::weights {

/// Every access is checked; a pickle that takes what is not there is refused. Containers are made in the Pickle.
class PickleStack {
  protected:
    using Kind = PickleValue::Kind;
    using Values = std::vector<PickleValue>;

    explicit PickleStack(const std::filesystem::path& path) : path_(path) {}

    [[noreturn]] void fail(const std::string& what) const;

    void push(const PickleValue& value) { stack_.push_back(value); }
    void push(Kind kind, std::int64_t number = 0, std::string_view text = {}) {
        stack_.push_back({kind, number, text});
    }
    void push_container(Kind kind, Values items);

    /// The top, which must lie above the newest mark.
    PickleValue& top();
    PickleValue pop();
    Values pop_last(std::size_t count);

    void mark() { marks_.push_back(stack_.size()); }
    Values pop_to_mark();
    /// What the operation POP does: a mark may be popped like a value.
    void pop_value_or_mark();

    /// Adds items to the List, or keys and values to the Dict, on top.
    void append(Kind kind, const Values& values);

    void put(std::uint64_t slot);
    void get(std::uint64_t slot);
    std::size_t remembered() const noexcept { return memo_.size(); }

    const std::filesystem::path& path_;
    Pickle pickle_;

  private:
    Values stack_;
    std::vector<std::size_t> marks_;  // stack heights
    std::vector<std::optional<PickleValue>> memo_;
};

}  // namespace reverie::weights
