// deepdream: its flags and its work are in cli.
#include "reverie/cli/dream_program.h"

int main(int argc, char** argv) { return reverie::run_program(argc, argv, *reverie::dream_program()); }
