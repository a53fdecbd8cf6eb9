#include "safetensors_header.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace reverie::weights {
namespace {

/// Takes the parser's events. Every structure has its fixed place, so nesting cannot grow and no document is built.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
  public:
    SafetensorsHeader header;
    std::string problem;  ///< why the parse was stopped

    bool start_object(std::size_t /*elements*/) override {
        if (place_ == Place::Start) {
            place_ = Place::Top;
            return true;
        }
        if (place_ != Place::TopValue) {
            return unexpected();
        }
        place_ = key_ == "__metadata__" ? Place::Metadata : Place::Entry;
        if (place_ == Place::Entry) {
            header.entries.push_back({key_, nullptr, {}, {}});
            fields_.clear();
        }
        return true;
    }

    bool key(string_t& key) override {
        key_ = key;
        if (place_ == Place::Top) {
            place_ = Place::TopValue;
            return names_.insert(key).second || stop("names '" + printable(key) + "' twice");
        }
        if (place_ == Place::Entry) {
            place_ = Place::EntryValue;
            return fields_.insert(key).second || stop("gives '" + printable(key) + "' of one array twice");
        }
        place_ = Place::MetadataValue;
        return true;
    }

    bool string(string_t& value) override {
        if (place_ == Place::MetadataValue) {
            header.metadata[key_] = value;
            place_ = Place::Metadata;
            return true;
        }
        if (place_ != Place::EntryValue || key_ != "dtype") {
            return unexpected();
        }
        header.entries.back().type = find_element_type(&ElementType::safetensors, value);
        place_ = Place::Entry;
        return header.entries.back().type != nullptr || stop("has the unknown element type '" + printable(value) + "'");
    }

    bool start_array(std::size_t /*elements*/) override {
        if (place_ != Place::EntryValue || (key_ != "shape" && key_ != "data_offsets")) {
            return unexpected();
        }
        place_ = Place::Numbers;
        return true;
    }

    bool number_unsigned(number_unsigned_t value) override {
        if (place_ != Place::Numbers || value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return unexpected();
        }
        auto& numbers = key_ == "shape" ? header.entries.back().shape : header.entries.back().range;
        numbers.push_back(static_cast<std::int64_t>(value));
        return numbers.size() <= kMaxDimensions || stop("has an array of more than 64 dimensions");
    }

    bool end_array() override {
        place_ = Place::Entry;
        return true;
    }

    bool end_object() override {
        if (place_ == Place::Entry && (fields_.size() != 3 || header.entries.back().range.size() != 2)) {
            return stop("does not say type, shape and place of '" + printable(header.entries.back().name) + "'");
        }
        place_ = place_ == Place::Top ? Place::End : Place::Top;
        return true;
    }

    bool null() override { return unexpected(); }
    bool boolean(bool /*value*/) override { return unexpected(); }
    bool number_integer(number_integer_t /*value*/) override { return unexpected(); }  // a negative number
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return unexpected(); }
    bool binary(binary_t& /*value*/) override { return unexpected(); }
    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        return stop("is no JSON");
    }

  private:
    enum class Place { Start, Top, TopValue, Entry, EntryValue, Numbers, Metadata, MetadataValue, End };

    bool stop(const std::string& why) {
        problem = why;
        return false;
    }
    bool unexpected() {
        return stop(key_.empty() ? "is not made of named arrays"
                                 : "has something unexpected at '" + printable(key_) + "'");
    }

    Place place_ = Place::Start;
    std::string key_;
    std::set<std::string> names_;
    std::set<std::string> fields_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, const std::filesystem::path& path) {
    HeaderHandler handler;
    if (!nlohmann::json::sax_parse(json.begin(), json.end(), &handler)) {
        refuse(path, "is damaged or no safetensors file: its header " + handler.problem + "; download it again");
    }
    return std::move(handler.header);
}

}  // namespace reverie::weights
