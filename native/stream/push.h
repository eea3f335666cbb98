// One push of a pool, as the threads see it that work on it. Only for pool.cpp, push.cpp and block.cpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "stream/costs.h"
#include "stream/pool.h"

namespace gatewise::stream {

inline Index divided(Index count, Index by) { return (count + by - 1) / by; }

// They take parts of it, ids to look up and later blocks of rows, as they are
// free: one whose processor has other work to do holds up the others for a part, not for its share.
struct Pool::Push {
  Pool* pool = nullptr;
  const void* const* inputs = nullptr;
  float* const* outputs = nullptr;

  Records::Search search;
  Index ids = 0;
  Streams::Change* change = nullptr;
  std::exception_ptr error;  // why it is over
  std::atomic<bool> unknown{false};
  std::atomic<bool> twice{false};
  std::atomic<Index> searches{0};   // parts of the search that are taken
  std::atomic<Index> looked_up{0};  // those that are done

  const std::uint32_t* order = nullptr;  // which rows; null is all, as they lie
  const std::uint32_t* slots = nullptr;  // theirs
  Index count = 0;                       // rows
  Index height = 0;                      // rows of a block; the last may have less
  Index members = 1;
  bool has_team = false;
  Index inner_threads = 1;

  std::atomic<Index> taken{0};  // blocks

  // How far the caller has brought the push; the other members wait for that.
  enum class Stage { searching, computing, keeping, over };
  std::atomic<Stage> stage{Stage::searching};

  Index row(Index i) const { return order == nullptr ? i : static_cast<Index>(order[i]); }
  Index take() { return taken.fetch_add(1, std::memory_order_relaxed); }

  Index blocks() const { return divided(count, height); }
  Rows block(Index which) const {
    const Index first = which * height;
    return which < blocks() ? Rows{first, std::min(height, count - first)} : Rows{};
  }

  // Whether the rows of a block lie side by side.
  bool together(Rows rows) const {
    return order == nullptr ||
           static_cast<Index>(order[rows.first + rows.count - 1] - order[rows.first]) == rows.count - 1;
  }

  bool reaches(Stage wanted) const {
    wait([&] { return stage.load(std::memory_order_acquire) >= wanted; });
    return stage != Stage::over;
  }

  // Others may want this processor, among them the one who is waited for.
  template <class Ready>
  static void wait(Ready ready) {
    for (int turn = 1; !ready(); ++turn) {
      if (turn % costs::kTurns == 0) std::this_thread::yield();
    }
  }
};

}  // namespace gatewise::stream
