#include "pickle_stack.h"

#include <utility>

namespace reverie::weights {

void PickleStack::fail(const std::string& what) const {
    refuse(path_, "is damaged or not a file of weights: its pickle " + what);
}

void PickleStack::push_container(Kind kind, Values items) {
    pickle_.containers.push_back(std::move(items));
    push(kind, static_cast<std::int64_t>(pickle_.containers.size()) - 1);
}

PickleValue& PickleStack::top() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
        fail("takes a value that is not there");
    }
    return stack_.back();
}

PickleValue PickleStack::pop() {
    const PickleValue value = top();
    stack_.pop_back();
    return value;
}

PickleStack::Values PickleStack::pop_last(std::size_t count) {
    Values values(count);
    for (std::size_t k = count; k-- > 0;) {
        values[k] = pop();
    }
    return values;
}

PickleStack::Values PickleStack::pop_to_mark() {
    if (marks_.empty()) {
        fail("lacks a mark");
    }
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Values values(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return values;
}

void PickleStack::pop_value_or_mark() {
    if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
    } else {
        pop();
    }
}

void PickleStack::append(Kind kind, const Values& values) {
    const PickleValue& value = top();
    if (value.kind != kind) {
        fail("adds an item to what cannot hold it");
    }
    if (kind == Kind::Dict && values.size() % 2 != 0) {
        fail("has a key without a value");
    }
    Values& items = pickle_.containers[static_cast<std::size_t>(value.number)];
    items.insert(items.end(), values.begin(), values.end());
}

void PickleStack::put(std::uint64_t slot) {
    if (slot >= pickle_.operations) {  // picklers count their slots, so none can be ahead of the operations
        fail("remembers a value in a slot far off");
    }
    if (slot >= memo_.size()) {
        memo_.resize(static_cast<std::size_t>(slot) + 1);
    }
    memo_[static_cast<std::size_t>(slot)] = top();
}

void PickleStack::get(std::uint64_t slot) {
    if (slot >= memo_.size() || !memo_[static_cast<std::size_t>(slot)]) {
        fail("recalls a value that it never kept");
    }
    push(*memo_[static_cast<std::size_t>(slot)]);
}

}  // namespace reverie::weights
