// What the smoothers that look ahead do alike: frames wait until the window has passed them; the end finishes them.
#pragma once

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "smoothing/guard.hpp"
#include "smoothing/local_fit.hpp"

namespace trtswap::smoothing {

// A frame that waits: its tracks, and where the window keeps them.
struct Waiting {
    std::vector<std::int64_t> ids;
    std::vector<int> slots;
};

// Frames come out in order, `lag_frames` later, as `Result`.
template <class Result> class Delayed {
public:
    virtual ~Delayed() = default;

    // Finishes the frames that wait and forgets everything.
    std::vector<Result> flush() {
        std::vector<Result> done;
        const int behind = fit_.lag_frames() - static_cast<int>(waiting_.size()) + 1;
        for (int frame = 0; frame < behind && !waiting_.empty(); ++frame) {
            fit_.skip(); // until the first that waits is at the centre
        }
        while (!waiting_.empty()) {
            done.push_back(finish_first());
            fit_.skip();
        }
        fit_.reset();
        guard_.reset();
        forget();
        return done;
    }

protected:
    explicit Delayed(LocalFit fit) : fit_(std::move(fit)) {}

    // Adds a frame as `LocalFit::push` does, and gives the one `lag_frames` before it, if there is one.
    std::optional<Result> advance(const std::int64_t* ids, int count, const std::vector<double>& samples,
                                  const double* weights, double time_s) {
        TrackWindow::Pushed pushed = fit_.push(ids, count, samples.data(), weights, time_s);
        revise(pushed.fresh);
        waiting_.push_back({{ids, ids + count}, std::move(pushed.slots)});
        if (static_cast<int>(waiting_.size()) <= fit_.lag_frames()) {
            return std::nullopt;
        }
        return finish_first();
    }

    LocalFit fit_;
    Guard guard_;

private:
    // The frame at the centre of the window.
    virtual Result finish(const Waiting& frame) = 0;
    // Judges the last three frames, and corrects what the window says of them. fresh: as of `ScaleHistory`.
    virtual void revise(const std::vector<int>& fresh) = 0;
    virtual void forget() {}

    Result finish_first() {
        const Waiting frame = std::move(waiting_.front());
        waiting_.pop_front();
        return finish(frame);
    }

    std::deque<Waiting> waiting_;
};

} // namespace trtswap::smoothing
