#include "reverie/cli/commands.h"

#include <unistd.h>

#include <algorithm>

#include "cli/frame/help.h"
#include "cli/frame/process.h"
#include "reverie/core/text.h"

namespace reverie {
namespace {

/// "train" of "vae train".
std::string command_word(const CommandSet& set, const Program& command) {
    return command.name().substr(set.name.size() + 1);
}

/// Throws Usage when the first word is no command.
Program& command_of(const CommandSet& set, const std::string& word) {
    std::vector<std::string> words;
    for (const auto& command : set.commands) {
        words.push_back(command_word(set, *command));
        if (words.back() == word) {
            return *command;
        }
    }
    const std::string see = " (see " + set.name + " --help)";
    if (word.empty() || word.front() == '-') {
        throw Error(ErrorKind::Usage,
                    (word.empty() ? "no command is given" : "'" + word + "' stands before a command") +
                        "; the first word is one of " + join(words, ", ", " and ") + see);
    }
    throw Error(ErrorKind::Usage, "there is no command '" + word + "'" + did_you_mean(word, words) + see);
}

}  // namespace

std::string command_list(const CommandSet& set, int columns) {
    columns = std::clamp(columns, 60, 100);
    std::size_t widest = 0;
    for (const auto& command : set.commands) {
        widest = std::max(widest, command_word(set, *command).size());
    }
    const int indent = static_cast<int>(widest) + 4;
    std::string text = wrap_text(set.description, columns, 0) + "\n\nusage: " + set.name + " COMMAND ... [flags]\n\n" +
                       "Commands (" + set.name + " COMMAND --help has the flags):\n";
    for (const auto& command : set.commands) {
        std::string word = command_word(set, *command);
        word.resize(widest, ' ');
        text += "  " + word + "  " + wrap_text(command->description(), columns - indent, indent) + "\n";
    }
    return text + "\n" + set.examples;
}

int run_commands(int argc, char** argv, const CommandSet& set) {
    begin_process();
    const Environment environment = read_environment();
    Console console(environment);
    return run_guarded(console, [&] {
        const std::string word = argc > 1 ? argv[1] : "";
        const auto is_meant = [&](const auto& command) { return command_word(set, *command) == word; };
        if (set.otherwise && std::ranges::none_of(set.commands, is_meant)) {
            return run_program(argc, argv, *set.otherwise);
        }
        if (word == "-h" || word == "--help") {
            write_standard_output(command_list(set, terminal_columns(environment, STDOUT_FILENO)));
            return 0;
        }
        if (word == "--version") {
            write_standard_output(version_line(set.name));
            return 0;
        }
        return run_program(argc - 1, argv + 1, command_of(set, word));
    });
}

}  // namespace reverie
