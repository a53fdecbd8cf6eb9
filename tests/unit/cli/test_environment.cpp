#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "reverie/cli/environment.h"
#include "reverie/cli/network_flags.h"
#include "reverie/core/files.h"
#include "support/temporary_folder.h"

namespace reverie {
namespace {

using testing::ElementsAre;

Environment environment_of(const std::map<std::string, std::string>& variables) {
    return read_environment([&variables](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
    });
}

TEST(Environment, FollowsTheFolderConventions) {
    const Environment plain = environment_of({{"HOME", "/home/me"}});
    EXPECT_TRUE(plain.models.empty());
    EXPECT_EQ(plain.data_home, "/home/me/.local/share");
    EXPECT_EQ(plain.torch_home, "/home/me/.cache/torch");

    const Environment moved =
        environment_of({{"HOME", "/home/me"}, {"XDG_DATA_HOME", "/data"}, {"XDG_CACHE_HOME", "/cache"}});
    EXPECT_EQ(moved.data_home, "/data");
    EXPECT_EQ(moved.torch_home, "/cache/torch");
    EXPECT_EQ(environment_of({{"XDG_CACHE_HOME", "/cache"}, {"TORCH_HOME", "/torch"}}).torch_home, "/torch");
}

TEST(Environment, ModelFoldersAreSeparatedByColons) {
    EXPECT_THAT(environment_of({{"REVERIE_MODELS", "/a::/b c:"}}).models, ElementsAre("/a", "/b c"));
}

TEST(Environment, TerminalAndLocaleAreUnderstood) {
    EXPECT_FALSE(environment_of({{"TERM", "dumb"}}).cursor);
    EXPECT_FALSE(environment_of({}).color);
    EXPECT_TRUE(environment_of({{"TERM", "xterm"}}).color);
    EXPECT_FALSE(environment_of({{"TERM", "xterm"}, {"NO_COLOR", "1"}}).color);
    EXPECT_TRUE(environment_of({{"LANG", "de_DE.UTF-8"}}).utf8);
    EXPECT_FALSE(environment_of({{"LC_ALL", "C"}, {"LANG", "de_DE.UTF-8"}}).utf8);
    EXPECT_EQ(terminal_columns(environment_of({{"COLUMNS", "99"}}), 0), 99);
    EXPECT_EQ(terminal_columns(environment_of({{"COLUMNS", "3"}}), 0), 20);
}

TEST(Environment, ThreadsAreThoseOfTheOuterTeam) {
    EXPECT_EQ(environment_of({}).threads, 0);
    EXPECT_EQ(environment_of({{"OMP_NUM_THREADS", "3"}}).threads, 3);
    EXPECT_EQ(environment_of({{"OMP_NUM_THREADS", "4,2"}}).threads, 4);
    for (const char* text : {"", "0", "-2", "all", "99999999999999"}) {
        EXPECT_EQ(environment_of({{"OMP_NUM_THREADS", text}}).threads, 0) << text;
    }
}

TEST(Environment, RanksAreToldByTheirLauncher) {
    EXPECT_EQ(environment_of({}).rank, std::nullopt);
    EXPECT_EQ(environment_of({{"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_SIZE", "4"}}).rank,
              (Place{3, 4, "OMPI_COMM_WORLD_RANK"}));
    EXPECT_EQ(environment_of({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}}).rank, (Place{0, 2, "PMI_RANK"}));
    EXPECT_EQ(environment_of({{"RANK", "1"}, {"WORLD_SIZE", "2"}}).rank, (Place{1, 2, "RANK"}));
    EXPECT_EQ(environment_of({{"SLURM_PROCID", "5"}, {"SLURM_STEP_NUM_TASKS", "8"}}).rank,
              (Place{5, 8, "SLURM_PROCID"}));
    EXPECT_EQ(environment_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).rank, std::nullopt)
        << "a script outside of srun has that too";
    for (const auto& [rank, size] :
         {std::pair("4", "4"), std::pair("-1", "4"), std::pair("1x", "4"), std::pair("1", ""), std::pair("", "4")}) {
        EXPECT_EQ(environment_of({{"RANK", rank}, {"WORLD_SIZE", size}}).rank, std::nullopt) << rank << " " << size;
    }
}

TEST(Environment, ArrayTasksAreToldByTheirScheduler) {
    const auto slurm = [](const std::string& id, const std::string& first, const std::string& last,
                          const std::string& step, const std::string& count) {
        return environment_of({{"SLURM_ARRAY_TASK_ID", id},
                               {"SLURM_ARRAY_TASK_MIN", first},
                               {"SLURM_ARRAY_TASK_MAX", last},
                               {"SLURM_ARRAY_TASK_STEP", step},
                               {"SLURM_ARRAY_TASK_COUNT", count}})
            .array_task;
    };
    EXPECT_EQ(slurm("0", "0", "15", "1", "16"), (Place{0, 16, "SLURM_ARRAY_TASK_ID"}));
    EXPECT_EQ(slurm("7", "1", "9", "3", "3"), (Place{2, 3, "SLURM_ARRAY_TASK_ID"}));
    EXPECT_EQ(slurm("5", "1", "9", "1", "3"), std::nullopt) << "--array=1,5,9 has gaps";
    EXPECT_EQ(slurm("", "", "", "", ""), std::nullopt);
    EXPECT_EQ(environment_of({{"SGE_TASK_ID", "undefined"}, {"SGE_TASK_LAST", "undefined"}}).array_task, std::nullopt);
    EXPECT_EQ(environment_of(
                  {{"SGE_TASK_ID", "4"}, {"SGE_TASK_FIRST", "2"}, {"SGE_TASK_LAST", "6"}, {"SGE_TASK_STEPSIZE", "2"}})
                  .array_task,
              (Place{1, 3, "SGE_TASK_ID"}));
}

TEST(Environment, WeightsAreLookedForInOrder) {
    const test::TemporaryFolder own;
    Environment environment = environment_of({{"HOME", "/home/me"}});
    environment.program_folder = "/opt/reverie/bin";
    StoreLocations locations = store_locations(environment);
    EXPECT_THAT(locations.folders,
                ElementsAre("/home/me/.local/share/reverie/models", "/opt/reverie/share/reverie/models"));
    EXPECT_EQ(locations.download_folder, "/home/me/.local/share/reverie/models");
    EXPECT_EQ(locations.torch_hub, "/home/me/.cache/torch/hub/checkpoints");
    EXPECT_EQ(locations.catalogue, "/opt/reverie/share/reverie/models/catalogue.json");

    environment.models = {own.path(), "/elsewhere"};
    write_file(own / "catalogue.json", std::string_view("{}"));
    locations = store_locations(environment);
    EXPECT_THAT(locations.folders, ElementsAre(own.path(), "/elsewhere", "/home/me/.local/share/reverie/models",
                                               "/opt/reverie/share/reverie/models"));
    EXPECT_EQ(locations.download_folder, own.path());
    EXPECT_EQ(locations.catalogue, own / "catalogue.json");
}

}  // namespace
}  // namespace reverie
