// What the smoothers that look ahead do alike: frames wait until the window has passed them; the end finishes them.
#pragma once

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "smoothing/local_fit.hpp"

namespace trtswap::smoothing {

// A frame that waits: its tracks, and where the window keeps them.
struct Waiting {
    std::vector<std::int64_t> ids;
    std::vector<int> slots;
};

class Delay {
public:
    explicit Delay(int lag_frames) : lag_(lag_frames) {}

    // Adds a frame and gives the one `lag_frames` before it, if there is one.
    std::optional<Waiting> push(Waiting frame) {
        waiting_.push_back(std::move(frame));
        if (static_cast<int>(waiting_.size()) <= lag_) {
            return std::nullopt;
        }
        return pop();
    }

    // Brings each frame that waits to the centre of the window, and hands it over.
    template <class Finish> void flush(LocalFit& fit, Finish finish) {
        const int behind = lag_ - static_cast<int>(waiting_.size()) + 1;
        for (int frame = 0; frame < behind && !waiting_.empty(); ++frame) {
            fit.skip();
        }
        while (!waiting_.empty()) {
            finish(pop());
            fit.skip();
        }
    }

private:
    Waiting pop() {
        Waiting frame = std::move(waiting_.front());
        waiting_.pop_front();
        return frame;
    }

    int lag_;
    std::deque<Waiting> waiting_;
};

} // namespace trtswap::smoothing
