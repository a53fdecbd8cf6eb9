// gan: its commands are in cli.
#include "reverie/cli/gan_program.h"

int main(int argc, char** argv) { return reverie::run_commands(argc, argv, reverie::gan_program()); }
