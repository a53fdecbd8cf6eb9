#include "reverie/cli/common_flags.h"

#include "reverie/cli/flags.h"
#include "reverie/core/error.h"
#include "reverie/core/text.h"
#include "reverie/distributed/ranks.h"

namespace reverie {

void add_output_flags(CLI::App& app, CommonOptions& options, const std::string& help, bool replaces) {
    FlagGroup group(app, "Input and output");
    not_configurable(group.add("-o,--output", options.output, "OUT", help));
    if (replaces) {
        not_configurable(group.add("--overwrite", options.overwrite, "replace outputs that exist"));
    }
}

void add_running_flags(CLI::App& app, CommonOptions& options, bool tf32) {
    FlagGroup running(app, "Running");
    running.add("--device", options.runtime.device, "NAME", "auto, cpu, cuda or cuda:N; auto takes a GPU that works");
    running.add("--threads", options.runtime.threads, "N", "CPU threads", "$OMP_NUM_THREADS, or all cores");
    running.add("--seed", options.runtime.seed, "N", "the same seed gives the same bytes");
    running.add("--deterministic", options.runtime.deterministic,
                "the same bytes on a GPU too, if slower; on the CPU they always are");
    if (tf32) {
        running.add("--tf32", options.runtime.tf32,
                    "on a GPU: round to 10 bits of mantissa where it multiplies, which is faster; results differ in "
                    "their third digit");
    }
    not_configurable(
        running.add("--config", options.config, "FILE", "take flags that are not given here from this TOML file"));
    not_configurable(running.add("--save-config", options.save_config, "FILE", "write the flags in effect to FILE"));
    not_configurable(running.add("--dry-run", options.dry_run, "say what would be done, and stop"));

    FlagGroup messages(app, "Messages");
    messages.add("--quiet", options.quiet, "only warnings and errors");
    messages.add("--verbose", options.verbose, "details too");
    messages.add_choice("--progress", options.progress,
                        {{"auto", ProgressStyle::Auto},
                         {"bar", ProgressStyle::Bar},
                         {"plain", ProgressStyle::Plain},
                         {"json", ProgressStyle::Json},
                         {"none", ProgressStyle::None}},
                        "progress on standard error; auto: a bar on a terminal, plain lines elsewhere");
    messages.add("--json", options.json,
                 "on standard output one JSON object per output instead of its path or a table");
}

void add_rank_flags(CLI::App& app, CommonOptions& options) {
    FlagGroup running(app, "Running");
    const std::vector<std::string> built_in = rank_transports();
    not_configurable(running.add_choice(
        "--distributed", options.distributed,
        {{"auto", Distributed::Auto},
         {"off", Distributed::Off},
         {"mpi", Distributed::Mpi},
         {"nccl", Distributed::Nccl}},
        "how ranks started by mpirun or srun share the work: mpi (CPUs), nccl (GPUs), off, or auto: by the device; "
        "this build has " +
            (built_in.empty() ? "none" : join(built_in, " and "))));
    not_configurable(running.add("--timeout", options.timeout, "SECONDS",
                                 "a rank that is silent for so long is lost, and the others end",
                                 OptionRange{1.0, 86400.0}));
}

void validate(const CommonOptions& options) {
    if (options.quiet && options.verbose) {
        throw Error(ErrorKind::Usage, "--quiet and --verbose exclude each other; leave one out");
    }
    if (options.json && options.output == "-") {
        throw Error(ErrorKind::Usage,
                    "--json and --output - both want standard output; leave one out or write to a file");
    }
}

}  // namespace reverie
