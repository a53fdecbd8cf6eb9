// One exception type for everything that goes wrong on purpose; its kind decides a program's exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace reverie {

/// What kind of fault it is, and with that who can mend it.
enum class ErrorKind {
    Internal,   ///< our own bug
    Usage,      ///< a flag or an option
    Input,      ///< a file or picture handed in
    Weights,    ///< a pretrained network's file
    Device,     ///< the device asked for, or its memory
    Output,     ///< a file to be written
    Cancelled,  ///< the user stopped the work
};

/// The exit code a program ends with: Internal 1, Usage 2, Input 3, Weights 4, Device 5, Output 6, Cancelled 130.
int exit_code(ErrorKind kind) noexcept;

/// Thrown by every room. The message is one sentence that names the path or flag: what was found, what was wanted, what
/// to do next. Whoever detects a fault words it; whoever passes it up adds nothing.
class Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
    ErrorKind kind() const noexcept { return kind_; }

  private:
    ErrorKind kind_;
};

}  // namespace reverie
