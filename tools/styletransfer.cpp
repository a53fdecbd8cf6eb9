// styletransfer: its flags and its work are in cli.
#include "reverie/cli/style_program.h"

int main(int argc, char** argv) { return reverie::run_commands(argc, argv, reverie::style_program()); }
