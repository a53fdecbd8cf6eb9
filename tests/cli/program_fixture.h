// A real program in a house of its own: a small photo, a net of closed-formula weights, and nothing of the user's.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "reverie/core/files.h"
#include "reverie/image/picture.h"
#include "reverie/nn/graph.h"
#include "reverie/weights/sha256.h"
#include "reverie/weights/state_dict.h"
#include "support/closed_formula.h"
#include "support/run_program.h"
#include "support/temporary_folder.h"

namespace reverie::test {

/// A models folder with our catalogue, in which only these nets are there and nothing can be downloaded.
class FormulaModels {
  public:
    struct Net {
        std::string name;
        Graph graph;
        std::string file;
    };
    FormulaModels(const std::string& network, const Graph& graph, const std::string& file)
        : FormulaModels({{network, graph, file}}) {}
    explicit FormulaModels(const std::vector<Net>& nets) {
        std::ifstream catalogue(REVERIE_SOURCE "/models/catalogue.json");
        nlohmann::json document = nlohmann::json::parse(catalogue);
        for (nlohmann::json& entry : document["networks"]) {
            const auto net = std::ranges::find_if(nets, [&entry](const Net& n) { return entry["name"] == n.name; });
            if (net != nets.end()) {
                const std::filesystem::path file = folder_ / net->file;
                write_safetensors(file, formula_weights(net->graph));
                entry["file"] = net->file;
                entry["bytes"] = std::filesystem::file_size(file);
                entry["sha256"] = sha256_of_file(file);
            } else if (entry.contains("url")) {
                entry["url"] = "http://127.0.0.1:9/" + entry["file"].get<std::string>();
            }
        }
        write_file(folder_ / "catalogue.json", document.dump());
    }
    const std::filesystem::path& path() const noexcept { return folder_.path(); }

  private:
    TemporaryFolder folder_;
};

class Programs : public testing::Test {
  protected:
    Programs(std::string program, const FormulaModels& models) : program_(std::move(program)) {
        save_image(path("photo.jpg"), formula_image(72, 96, "photo").squeeze(0));
        run_.environment = {{"HOME", path("home")},
                            {"XDG_DATA_HOME", path("data")},
                            {"XDG_CACHE_HOME", path("cache")},
                            {"REVERIE_MODELS", models.path().string()},
                            {"LANG", "C.UTF-8"},
                            {"TERM", "xterm"}};
    }

    std::string path(const std::string& name) const { return folder_ / name; }
    bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }

    std::string bytes(const std::string& name) const {
        const std::vector<std::byte> read = read_file(path(name));
        return {reinterpret_cast<const char*>(read.data()), read.size()};
    }

    /// The names in a folder, hidden ones too, sorted.
    std::vector<std::string> names(const std::string& name) const {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(path(name))) {
            found.push_back(entry.path().filename());
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    std::vector<std::string> command(const std::vector<std::string>& words) const {
        std::vector<std::string> all = {REVERIE_PROGRAMS "/" + program_};
        all.insert(all.end(), words.begin(), words.end());
        return all;
    }

    RunResult run(const std::vector<std::string>& words) const { return run_program(command(words), run_); }

    /// Expects that exit code and one sentence on standard error that holds `part`.
    static void expect_fault(const RunResult& result, int exit_code, const std::string& part) {
        EXPECT_EQ(result.exit_code, exit_code) << result.error;
        EXPECT_EQ(result.output, "");
        EXPECT_THAT(result.error, testing::HasSubstr(part));
        std::istringstream lines(result.error);
        std::string line;
        int errors = 0;
        while (std::getline(lines, line)) {
            errors += line.rfind("error: ", 0) == 0 ? 1 : 0;
        }
        EXPECT_EQ(errors, 1) << result.error;
    }

    static std::vector<nlohmann::json> json_lines(const std::string& text) {
        std::vector<nlohmann::json> objects;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            objects.push_back(nlohmann::json::parse(line));
        }
        return objects;
    }

    RunOptions run_;

  private:
    std::string program_;
    TemporaryFolder folder_;
};

}  // namespace reverie::test
