// Numbers over time: JSON lines, CSV and TensorBoard event files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reverie/core/tensor.h"
#include "reverie/output/plot.h"

namespace reverie {

/// Names and values in the order they are shown.
using Scalars = std::vector<std::pair<std::string, double>>;

/// A file of JSON objects, one a line: {"step":100,"loss":1.5,...}. Numbers are the shortest that read back the same,
/// those that are none are null, so the same values give the same bytes. Lines are appended whole and are there at
/// once.
class JsonLines {
  public:
    /// Goes on behind the first `keep` bytes of what is there (0: starts anew; a file shorter than `keep` throws
    /// Output). Throws Output.
    JsonLines(const std::filesystem::path& path, std::int64_t keep);
    ~JsonLines();
    JsonLines(JsonLines&&) noexcept;
    JsonLines& operator=(JsonLines&&) noexcept;
    void add(std::int64_t step, const Scalars& values);
    std::int64_t bytes() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A line of such a file.
struct Record {
    std::int64_t step = 0;
    Scalars values;
};

/// All whole lines; a last line without its end is left out. Throws Input.
std::vector<Record> read_json_lines(const std::filesystem::path& path);

/// Every name that occurs as a column, steps as rows; atomically. Throws Output.
void write_csv(const std::filesystem::path& path, const std::vector<Record>& records);

/// One curve per name.
std::vector<Curve> curves_of(const std::vector<Record>& records);

/// TensorBoard's own format (length-delimited protobuf records with masked CRC-32C), written without TensorBoard.
class EventFile {
  public:
    /// Makes `events.out.tfevents.SECONDS.reverie` in the folder. Throws Output.
    explicit EventFile(const std::filesystem::path& folder);
    ~EventFile();
    EventFile(EventFile&&) noexcept;
    EventFile& operator=(EventFile&&) noexcept;
    void add(std::int64_t step, const Scalars& values);
    /// [1|3,H,W] in [0,1], as PNG.
    void add_image(std::int64_t step, const std::string& name, const Tensor& image);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace reverie
