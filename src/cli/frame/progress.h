// Progress as text: where the work stands, how long it took and how long it will take. Pure functions of reports and
// clock readings; the console decides when to draw.
#pragma once

#include <optional>
#include <string>

#include "reverie/core/hooks.h"

namespace reverie {

/// Smooths the rate of the reports, weighting the last ten seconds or so of work. Pauses do not count as work: they are
/// expected to go on taking their share of the time.
class ProgressMeter {
  public:
    /// `now` in seconds on any steady clock. A change of total, unit or direction starts anew: another kind of work.
    void report(const Progress& progress, double now);

    const Progress& last() const noexcept { return last_; }
    double elapsed() const noexcept { return now_ - begin_; }
    double fraction() const noexcept;         ///< 0..1; 0 when the total is unknown
    std::optional<double> remaining() const;  ///< seconds; empty while nothing can be said

  private:
    Progress last_;
    bool started_ = false;
    double begin_ = 0.0;
    double now_ = 0.0;
    double weighted_done_ = 0.0;
    double weighted_time_ = 0.0;
    double paused_ = 0.0;
};

/// A terminal's line of at most `columns` columns: label, bar, percentage, stage, times. What does not fit is left out,
/// the least important first.
std::string render_bar(const ProgressMeter& meter, const std::string& label, int columns, bool utf8);

/// A sentence for a log.
std::string render_plain(const ProgressMeter& meter, const std::string& label);

/// One JSON object.
std::string render_json(const ProgressMeter& meter, const std::string& label);

}  // namespace reverie
