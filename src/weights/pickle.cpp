#include "pickle.h"

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "byte_reader.h"
#include "pickle_calls.h"
#include "pickle_opcodes.h"
#include "pickle_stack.h"

#include "reverie/core/text.h"

namespace reverie::weights {
namespace {

constexpr std::size_t kMaxOperations = 1 << 21;  // a thousand tensors take some 50,000
constexpr std::uint64_t kNewestProtocol = 5;

/// Python's pickle machine: reads one operation after the other and works on the stack.
class Machine : private PickleStack {
  public:
    Machine(std::span<const std::byte> bytes, const std::filesystem::path& path)
        : PickleStack(path), reader_(bytes, path, "its pickle") {}

    Pickle run() {
        for (;;) {
            if (++pickle_.operations > kMaxOperations) {
                fail("takes more than " + std::to_string(kMaxOperations) + " operations");
            }
            const auto opcode = static_cast<std::uint8_t>(reader_.number(1));
            if (opcode == kStop) {
                pickle_.root = pop();
                pickle_.bytes = reader_.position();
                return std::move(pickle_);
            }
            if (!scalar(opcode) && !container(opcode) && !memo(opcode) && !call(opcode)) {
                fail("uses operation " + std::to_string(opcode) + ", which PyTorch never writes");
            }
        }
    }

  private:
    // ---- operands ----

    void push_text(std::uint64_t length) {
        const std::string_view text = as_text(reader_.take(length));
        if (!is_utf8(text)) {
            fail("has text that is not UTF-8");
        }
        push(Kind::Text, 0, text);
    }
    void push_bytes(std::uint64_t length) {
        reader_.take(length);
        push(Kind::Opaque);
    }
    void push_integer(std::uint64_t length) {
        const std::span<const std::byte> bytes = reader_.take(length);
        if (bytes.size() > sizeof(std::int64_t)) {
            push(Kind::BigInt, 0, as_text(bytes));
            return;
        }
        std::uint64_t value = !bytes.empty() && (bytes.back() & std::byte{0x80}) != std::byte{0} ? ~0ULL : 0;
        for (std::size_t k = bytes.size(); k-- > 0;) {
            value = (value << 8) | static_cast<std::uint64_t>(bytes[k]);
        }
        push(Kind::Int, static_cast<std::int64_t>(value));
    }
    std::int64_t decimal_line() {
        std::string_view line = reader_.line();
        if (line.ends_with('L')) {
            line.remove_suffix(1);
        }
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
        if (error != std::errc() || end != line.data() + line.size()) {
            fail("has a number that is not one");
        }
        return value;
    }

    // ---- the operations; each function says whether the opcode was one of its own ----

    bool scalar(std::uint8_t opcode) {
        switch (opcode) {
            case kProto:
                if (reader_.number(1) > kNewestProtocol) {
                    fail("has an unknown protocol");
                }
                return true;
            case kFrame:
                if (reader_.number(8) > reader_.remaining()) {
                    fail("announces more than is there");
                }
                return true;
            case kNone:
                push(Kind::None);
                return true;
            case kNewTrue:
                push(Kind::Bool, 1);
                return true;
            case kNewFalse:
                push(Kind::Bool, 0);
                return true;
            case kInt:
            case kLong:
                push(Kind::Int, decimal_line());
                return true;
            case kBinInt:
                push_integer(4);
                return true;
            case kBinInt1:
                push(Kind::Int, static_cast<std::int64_t>(reader_.number(1)));
                return true;
            case kBinInt2:
                push(Kind::Int, static_cast<std::int64_t>(reader_.number(2)));
                return true;
            case kLong1:
                push_integer(reader_.number(1));
                return true;
            case kLong4:
                push_integer(reader_.number(4));
                return true;
            case kFloat:
                reader_.line();
                push(Kind::Opaque);
                return true;
            case kBinFloat:
                push_bytes(8);
                return true;
            case kShortBinString:
            case kShortBinUnicode:
                push_text(reader_.number(1));
                return true;
            case kBinString:
            case kBinUnicode:
                push_text(reader_.number(4));
                return true;
            case kBinUnicode8:
                push_text(reader_.number(8));
                return true;
            case kShortBinBytes:
                push_bytes(reader_.number(1));
                return true;
            case kBinBytes:
                push_bytes(reader_.number(4));
                return true;
            case kBinBytes8:
            case kByteArray8:
                push_bytes(reader_.number(8));
                return true;
            default:
                return false;
        }
    }

    bool container(std::uint8_t opcode) {
        switch (opcode) {
            case kMark:
                mark();
                return true;
            case kPop:
                pop_value_or_mark();
                return true;
            case kPopMark:
                pop_to_mark();
                return true;
            case kDup:
                push(PickleValue(top()));
                return true;
            case kEmptyTuple:
                push_container(Kind::Tuple, {});
                return true;
            case kTuple1:
                push_container(Kind::Tuple, pop_last(1));
                return true;
            case kTuple2:
                push_container(Kind::Tuple, pop_last(2));
                return true;
            case kTuple3:
                push_container(Kind::Tuple, pop_last(3));
                return true;
            case kTuple:
                push_container(Kind::Tuple, pop_to_mark());
                return true;
            case kEmptyList:
                push_container(Kind::List, {});
                return true;
            case kList:
                push_container(Kind::List, pop_to_mark());
                return true;
            case kEmptyDict:
                push_container(Kind::Dict, {});
                return true;
            case kDict: {
                const Values values = pop_to_mark();
                push_container(Kind::Dict, {});
                append(Kind::Dict, values);
                return true;
            }
            case kAppend:
                append(Kind::List, pop_last(1));
                return true;
            case kAppends:
                append(Kind::List, pop_to_mark());
                return true;
            case kSetItem:
                append(Kind::Dict, pop_last(2));
                return true;
            case kSetItems:
                append(Kind::Dict, pop_to_mark());
                return true;
            case kEmptySet:
                push(Kind::Opaque);
                return true;
            case kAddItems:
                pop_to_mark();
                if (top().kind != Kind::Opaque) {
                    fail("adds an item to what cannot hold it");
                }
                return true;
            case kFrozenSet:
                pop_to_mark();
                push(Kind::Opaque);
                return true;
            default:
                return false;
        }
    }

    bool memo(std::uint8_t opcode) {
        switch (opcode) {
            case kPut:
                put(static_cast<std::uint64_t>(decimal_line()));
                return true;
            case kBinPut:
                put(reader_.number(1));
                return true;
            case kLongBinPut:
                put(reader_.number(4));
                return true;
            case kMemoize:
                put(remembered());
                return true;
            case kGet:
                get(static_cast<std::uint64_t>(decimal_line()));
                return true;
            case kBinGet:
                get(reader_.number(1));
                return true;
            case kLongBinGet:
                get(reader_.number(4));
                return true;
            default:
                return false;
        }
    }

    bool call(std::uint8_t opcode) {
        switch (opcode) {
            case kGlobal: {
                const std::string_view module = reader_.line();
                push(known_global(module, reader_.line(), path_));
                return true;
            }
            case kStackGlobal: {
                const Values names = pop_last(2);
                if (names[0].kind != Kind::Text || names[1].kind != Kind::Text) {
                    fail("has a name that is not text");
                }
                push(known_global(names[0].text, names[1].text, path_));
                return true;
            }
            case kExt1:
            case kExt2:
            case kExt4:
                fail("asks for an entry of Python's extension registry, which was refused");
            case kReduce:
            case kNewObj: {
                const PickleValue arguments = pop();
                const PickleValue callee = pop();
                if (arguments.kind != Kind::Tuple) {
                    fail("calls something without a list of arguments");
                }
                push(call_global(pickle_, callee, pickle_.items(arguments), path_));
                return true;
            }
            case kInst: {
                const std::string_view module = reader_.line();
                const PickleValue callee = known_global(module, reader_.line(), path_);
                push(call_global(pickle_, callee, pop_to_mark(), path_));
                return true;
            }
            case kObj: {
                Values values = pop_to_mark();
                if (values.empty()) {
                    fail("takes a value that is not there");
                }
                const PickleValue callee = values.front();
                values.erase(values.begin());
                push(call_global(pickle_, callee, values, path_));
                return true;
            }
            case kBuild: {
                // The state of an OrderedDict (`_metadata`) or of a Parameter: nothing that an array depends on.
                pop();
                const Kind kind = top().kind;
                if (kind != Kind::Dict && kind != Kind::Tensor && kind != Kind::Opaque) {
                    fail("changes the inside of what has none, which was refused");
                }
                return true;
            }
            case kBinPersId:
                push(persistent_storage(pickle_, pop(), path_));
                return true;
            default:
                return false;
        }
    }

    ByteReader reader_;
};

}  // namespace

Pickle read_pickle(std::span<const std::byte> bytes, const std::filesystem::path& path) {
    return Machine(bytes, path).run();
}

}  // namespace reverie::weights
