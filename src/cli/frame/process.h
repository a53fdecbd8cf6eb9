// How a process of ours begins, and the ends that are not its own.
#pragma once

namespace reverie {

/// The first that a program does; more than once does no harm. Standard streams that were closed are opened on
/// /dev/null; memory and arithmetic are set for long work; an end that a library forces during an Ending becomes a
/// sentence.
void begin_process();

/// Opens those of the descriptors 0 to 2 that the program was started without on /dev/null. Otherwise the next file
/// that is opened gets their number, and what is said to people lands in it.
void open_standard_streams();

/// While it lives, the process ends by no exit() of ours: should a library call it, or an exception find nobody who
/// catches it, that is a sentence on standard error and an exit code of ours, and no temporary file is left.
class Ending {
  public:
    Ending();
    ~Ending();
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
};

}  // namespace reverie
