#include "recurrence/division.h"

#include <unistd.h>

#include <algorithm>

#include "base/costs.h"
#include "recurrence/padding.h"
#include "threads/costs.h"

namespace gatewise {
namespace {

// Bytes of cache that a core has to itself.
double private_cache() {
  static const double bytes = [] {
#if defined(_SC_LEVEL2_CACHE_SIZE)
    const long found = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (found > 0) return static_cast<double>(found);
#endif
    return costs::kPrivateCache;
  }();
  return bytes;
}

bool is_afar(double weight_bytes) { return weight_bytes > costs::kAfar * private_cache(); }

// Rows that each thread must have before the batch is divided rather than the units.
template <class T>
double rows_worth_a_thread(const PackedLayer<T>& layer, double weight_bytes) {
  if (is_afar(weight_bytes)) return costs::kRowsOfAThreadAfar;
  if (layer.parts != 0) return costs::kRowsWorthTiles / 2;
  return weight_bytes <= costs::kNear ? costs::kRowsOfAThreadNear : costs::kRowsOfAThread;
}

// Whether to multiply the inputs of many steps by the kernel before the steps themselves.
template <class T>
bool ahead_is_worth_it(const PackedLayer<T>& layer, const Sequence<T>& call, bool split_units, double weight_bytes) {
  const bool afar = is_afar(weight_bytes);
  if (layer.parts != 0) return call.batch < costs::kAheadBelowRowsOfTiles || (afar && split_units);
  if (call.batch >= costs::kAheadBelowRows) return false;
  if (afar || layer.recurrent_rows == 0) return true;
  return weight_bytes > costs::kNear ? layer.inputs >= costs::kAheadInputsOfARow * call.batch
                                     : layer.inputs >= costs::kAheadInputsNear && call.batch == 1;
}

// Sequences of a piece: every thread has as many pieces, more or less, and all are as high as one another.
Index rows_of_piece(Index batch, Index threads) {
  const auto divided = [](Index count, Index by) { return (count + by - 1) / by; };
  const Index share = divided(batch, threads);
  const Index pieces = share / costs::kRowsOfPiece;
  if (pieces <= 1) return share;
  return divided(divided(share, pieces), costs::kRowsOfTile) * costs::kRowsOfTile;
}

}  // namespace

template <class T>
double work_of(const PackedLayer<T>& layer, const Sequence<T>& call) {
  const CellFacts& cell = facts(layer.cell);
  const double rows = static_cast<double>(layer.inputs + cell.state_rows(layer.units)) * cell.gate_count();
  return static_cast<double>(layer.padded()) * real_steps(call.lengths, call.batch, call.steps) * rows;
}

template <class T>
Division make_division(const PackedLayer<T>& layer, const Sequence<T>& call, Index threads) {
  Division division;
  const double gates = facts(layer.cell).gate_count();
  const double recurrent = static_cast<double>(layer.padded() * layer.recurrent_rows) * gates * sizeof(T);
  const double input = static_cast<double>(layer.padded() * layer.input_rows) * gates * sizeof(T);
  const double batch = static_cast<double>(call.batch);
  const double work = (recurrent + input) / 4 * batch;  // multiply-adds of a step, more or less

  const double steps = real_steps(call.lengths, call.batch, call.steps) / std::max(batch, 1.0);
  if (threads > 1 && work * steps > costs::kCallWorthThreads) {
    if (batch >= rows_worth_a_thread(layer, recurrent + input) * static_cast<double>(threads)) {
      division.threads = threads;
    } else if (work > costs::kStepWorthBarriers) {
      division.threads = std::min<Index>(threads, layer.panels);
      division.split_units = division.threads > 1;
    }
  }
  division.ahead =
      call.steps > 1 && !layer.by_gate && ahead_is_worth_it(layer, call, division.split_units, recurrent + input);
  division.far = static_cast<double>(layer.padded()) * batch * sizeof(T) > costs::kFarStates;
  if (division.ahead) {
    const double row = static_cast<double>(layer.padded()) * gates * sizeof(T) * batch;
    const auto fitting = static_cast<Index>(private_cache() * costs::kAheadShare / std::max(row, 1.0));
    division.chunk = std::clamp<Index>(fitting, costs::kAheadLeastSteps, costs::kAheadMostSteps);
    division.chunk = std::min(division.chunk, call.steps);
  } else {
    division.chunk = std::max<Index>(call.steps, 1);
  }
  division.rows = division.split_units ? call.batch : rows_of_piece(call.batch, division.threads);
  const double done = work * static_cast<double>(division.rows) / std::max(batch, 1.0);
  division.look = static_cast<Index>(costs::kWorkOfLook / std::max(done, 1.0)) + 1;
  return division;
}

template double work_of(const PackedLayer<float>&, const Sequence<float>&);
template double work_of(const PackedLayer<double>&, const Sequence<double>&);
template Division make_division(const PackedLayer<float>&, const Sequence<float>&, Index);
template Division make_division(const PackedLayer<double>&, const Sequence<double>&, Index);

}  // namespace gatewise
