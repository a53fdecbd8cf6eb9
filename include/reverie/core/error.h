// One exception type for everything that goes wrong on purpose; its kind decides a program's exit code.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace reverie {

/// What kind of fault it is, and with that who can mend it.
enum class ErrorKind {
    Internal,   ///< our own bug
    Usage,      ///< a flag or an option
    Input,      ///< a file or picture handed in
    Weights,    ///< a pretrained network's file
    Device,     ///< the device asked for, or its memory
    Output,     ///< a file to be written
    Ranks,      ///< another process of those that work together is gone
    Cancelled,  ///< the user stopped the work
};

/// The exit code a program ends with: Internal and Ranks 1, Usage 2, Input 3, Weights 4, Device 5,
/// Output 6, Cancelled 130.
int exit_code(ErrorKind kind) noexcept;

/// A sentence of the library names options as "{--step-size}". With the braces off that is a flag; with the dashes off
/// too it is the option of whoever links the library, who has no flags.
std::string with_flag_names(std::string_view sentence);
std::string with_option_names(std::string_view sentence);

/// Thrown by every room. The message is one sentence that names the path or option: what was found, what was wanted,
/// what to do next. Whoever detects a fault words it; whoever passes it up adds nothing.
class Error : public std::runtime_error {
  public:
    /// what() gives the sentence with_option_names.
    Error(ErrorKind kind, const std::string& sentence);

    ErrorKind kind() const noexcept { return kind_; }

    /// The sentence as it was worded, for with_flag_names.
    const char* sentence() const noexcept { return sentence_ ? sentence_->c_str() : what(); }

  private:
    ErrorKind kind_;
    std::shared_ptr<const std::string> sentence_;  ///< null: it names no option
};

}  // namespace reverie
