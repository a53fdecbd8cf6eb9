// Programs of several commands: "vae train", "vae sample". Each command is a Program of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reverie/cli/app.h"

namespace reverie {

struct CommandSet {
    std::string name;         ///< the program's: "vae"
    std::string description;  ///< one sentence
    std::string examples;     ///< lines that close the help
    /// Their names begin with the program's: "vae train".
    std::vector<std::unique_ptr<Program>> commands;
    /// What runs where the first word is none of them, with its own help; null: that is a fault.
    std::unique_ptr<Program> otherwise = {};
};

/// The text of `vae --help`: description, commands with a line each, examples.
std::string command_list(const CommandSet& set, int columns);

/// What main() returns: the first word chooses the command, the rest is that Program's run_program.
int run_commands(int argc, char** argv, const CommandSet& set);

}  // namespace reverie
