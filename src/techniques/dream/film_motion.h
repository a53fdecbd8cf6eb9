// Private: how a film's view moves, as a function of time.
#pragma once

#include <complex>

#include "reverie/core/size.h"
#include "reverie/image/similarity.h"
#include "reverie/techniques/dream_film.h"

namespace reverie {

/// How the view moves. Places are in pixels from the middle of a frame.
class FilmMotion {
  public:
    FilmMotion(const DreamFilmOptions& film, Size frame);

    /// Seconds of full motion that have passed by `time`: the integral of its speed, which easing holds back.
    double passed(double time) const;

    /// Where what is seen at a place was so many seconds of full motion earlier (below 0: will be later). Steps of it
    /// add up: seen(a) of seen(b) is seen(a + b).
    Similarity before(double seconds) const;

    /// Pixels by which a key dream reaches beyond the frame on each side, so that all of a frame is within both key
    /// dreams around it, and what comes into view has been dreamt on before.
    Size margin(double dreams_per_second) const;

  private:
    Size frame_;
    double seconds_, ease_;
    std::complex<double> growth_;  ///< of a place a second, relative to itself
    std::complex<double> drift_;   ///< of the middle, pixels a second
};

}  // namespace reverie
