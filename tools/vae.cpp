// vae: its commands are in cli.
#include "reverie/cli/vae_program.h"

int main(int argc, char** argv) { return reverie::run_commands(argc, argv, reverie::vae_program()); }
