#include "contents.h"

#include <algorithm>
#include <array>

#include "reverie/core/error.h"
#include "reverie/core/text.h"

namespace reverie::weights {
namespace {

constexpr std::int64_t kMaxExpandedElements = (1LL << 30) / 8;  // 1 GiB as int64
constexpr std::int64_t kMaxElementsPerFileByte = 64;

constexpr std::array kElementTypes = {
    ElementType{at::kFloat, 4, "float32", "FloatStorage", "F32"},
    ElementType{at::kHalf, 2, "float16", "HalfStorage", "F16"},
    ElementType{at::kBFloat16, 2, "bfloat16", "BFloat16Storage", "BF16"},
    ElementType{at::kDouble, 8, "float64", "DoubleStorage", "F64"},
    ElementType{at::kLong, 8, "int64", "LongStorage", "I64"},
    ElementType{at::kInt, 4, "int32", "IntStorage", "I32"},
    ElementType{at::kShort, 2, "int16", "ShortStorage", "I16"},
    ElementType{at::kChar, 1, "int8", "CharStorage", "I8"},
    ElementType{at::kByte, 1, "uint8", "ByteStorage", "U8"},
    ElementType{at::kBool, 1, "bool", "BoolStorage", "BOOL"},
};

}  // namespace

std::span<const ElementType> element_types() { return kElementTypes; }

const ElementType* find_element_type(std::string_view ElementType::*field, std::string_view name) {
    const auto* found = std::ranges::find(kElementTypes, name, field);
    return found == kElementTypes.end() ? nullptr : found;
}

Array checked_array(const std::string& name, ArrayClaim claim, const MappedFile& file) {
    const auto fail = [&](const std::string& what) {
        refuse(file.path(), "is damaged: its array '" + printable(name) + "' " + what + "; download it again");
    };
    if (claim.shape.size() != claim.strides.size() || claim.shape.size() > kMaxDimensions) {
        fail("has " + std::to_string(claim.shape.size()) + " sizes and " + std::to_string(claim.strides.size()) +
             " strides (wanted as many of each, 64 at most)");
    }
    bool overflow = claim.offset < 0;
    bool empty = false;
    std::int64_t count = 1;
    std::int64_t last = 0;  // the last element, counted from the first
    for (std::size_t axis = 0; axis < claim.shape.size(); ++axis) {
        const std::int64_t size = claim.shape[axis];
        const std::int64_t stride = claim.strides[axis];
        if (size < 0 || stride < 0) {
            fail("has a negative size or stride");
        }
        // A size of 0 counts as 1 here: LibTorch multiplies the other sizes too, to get strides.
        std::int64_t step = 0;
        overflow |= __builtin_mul_overflow(count, std::max<std::int64_t>(size, 1), &count);
        overflow |= __builtin_mul_overflow(std::max<std::int64_t>(size, 1) - 1, stride, &step);
        overflow |= __builtin_add_overflow(last, step, &last);
        empty |= size == 0;
    }
    const std::int64_t held = static_cast<std::int64_t>(claim.storage.size()) / claim.type->bytes;
    Array array{{std::string(claim.type->name), {}}, claim.type, std::move(claim.strides), {}};
    if (overflow || (!empty && (claim.offset >= held || last >= held - claim.offset))) {
        fail("reaches beyond the " + std::to_string(held) + " elements that are stored for it");
    }
    if (!empty) {
        const auto file_bytes = static_cast<std::int64_t>(file.bytes().size());
        if (count > held && (count > kMaxExpandedElements || count / kMaxElementsPerFileByte > file_bytes)) {
            fail("repeats " + std::to_string(held) + " stored elements as " + std::to_string(count));
        }
        array.bytes = claim.storage.subspan(static_cast<std::size_t>(claim.offset * claim.type->bytes),
                                            static_cast<std::size_t>((last + 1) * claim.type->bytes));
    }
    array.info.shape = std::move(claim.shape);
    return array;
}

std::vector<std::int64_t> row_major_strides(const std::vector<std::int64_t>& shape) {
    std::vector<std::int64_t> strides(shape.size(), 1);
    for (std::size_t axis = shape.size(); axis-- > 1;) {
        // A product that overflows belongs to a shape that checked_array refuses.
        if (__builtin_mul_overflow(strides[axis], std::max<std::int64_t>(shape[axis], 1), &strides[axis - 1])) {
            strides[axis - 1] = 0;
        }
    }
    return strides;
}

void refuse(const std::filesystem::path& path, const std::string& what) {
    throw Error(ErrorKind::Weights, "'" + path.string() + "' " + what);
}

std::string printable(std::string_view text) {
    constexpr std::size_t kLongest = 80;
    std::string out;
    const bool whole = is_utf8(text);
    for (const char c : text.substr(0, kLongest)) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !whole) ? '?' : c;
    }
    if (text.size() > kLongest) {
        while (!out.empty() && !is_utf8(out)) {
            out.pop_back();  // never half a character
        }
        out += "...";
    }
    return out;
}

}  // namespace reverie::weights
