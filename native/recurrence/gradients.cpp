#include "recurrence/gradients.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/costs.h"
#include "recurrence/buffer.h"
#include "recurrence/isa.h"
#include "recurrence/packing.h"
#include "threads/team.h"

namespace gatewise {
namespace {

constexpr Index round_up(Index count, Index to) { return (count + to - 1) / to * to; }

// Calls `f(part, member)` for each of `count` parts, which the members of a team take as they are free.
template <class F>
void each_part(Team& team, Index count, F f) {
  struct Parts {
    Index count;
    F& f;
    std::atomic<Index> taken{0};

    static void run(void* self, Index member) {
      auto& all = *static_cast<Parts*>(self);
      for (Index part; (part = all.taken.fetch_add(1, std::memory_order_relaxed)) < all.count;) all.f(part, member);
    }
  } parts{count, f};
  team.run(std::min(team.size(), std::max<Index>(count, 1)), &Parts::run, &parts);
}

Index worthwhile_threads(double products) { return products > costs::kCallWorthThreads ? threads() : 1; }

// Columns of dz that stand side by side in the weights too.
struct DzColumns {
  Index dz;
  Index count;
  Index kernel;     // the first column in the kernel, or -1 where it has no share in them
  Index recurrent;  // the same in the recurrent kernel
  Index source;     // which of the sources the recurrent kernel multiplied
};

// What the recurrent kernel multiplies: the output before, or that times a gate.
struct Source {
  int reset = -1;
};

struct Plan {
  std::vector<DzColumns> columns;
  std::vector<Source> sources;
};

// The phases' sums as columns, in parts of at most `most`.
Plan plan_of(const CellFacts& cell, Index units, Index most) {
  Plan plan;
  plan.sources.push_back({});
  const auto add = [&](Index dz, Index count, Index kernel, Index recurrent, Index source) {
    for (Index done = 0; done < count; done += most) {
      plan.columns.push_back({dz + done, std::min(most, count - done), kernel < 0 ? -1 : kernel + done,
                              recurrent < 0 ? -1 : recurrent + done, source});
    }
  };
  for (int i = 0; i < cell.phases.size(); ++i) {
    const PhaseFacts& phase = cell.phases[i];
    Index source = 0;
    if (phase.reset >= 0) {
      source = static_cast<Index>(plan.sources.size());
      plan.sources.push_back({phase.reset});
    }
    const bool apart = phase.sums != phase.gates;
    const Index joined = (phase.gates - (apart ? 1 : 0)) * units;
    const Index dz = cell.sums_before(i) * units;
    const Index gate = phase.first_gate * units;
    add(dz, joined, gate, gate, source);
    if (!apart) continue;
    add(dz + joined, units, gate + joined, -1, source);
    add(dz + joined + units, units, -1, gate + joined, source);
  }
  return plan;
}

// Weights' gradients: inputs and sources are turned round, [row][n], for a range of N at a time; then each part of the
// columns packs its share of dz and multiplies all rows by it.
template <class T>
class Sums {
 public:
  explicit Sums(const WeightGradients<T>& call)
      : call_(call),
        cell_(facts(call.cell)),
        kernels_(current_kernels()),
        width_(kernels_.width(T(0))),
        plan_(plan_of(cell_, call.sizes.units, costs::kMaxPanels * width_)),
        samples_(call.batch * call.steps),
        rows_(call.sizes.inputs + 1 + static_cast<Index>(plan_.sources.size()) * call.sizes.units),
        gates_(cell_.gate_count() * call.sizes.units),
        zeros_(static_cast<std::size_t>(call.sizes.units)) {}

  void run() {
    if (samples_ == 0) return clear();
    const double products = static_cast<double>(samples_) * static_cast<double>(rows_ * gates_);
    Team team(worthwhile_threads(products));
    const auto fitting = static_cast<Index>(costs::kTurnedBytes / sizeof(T)) / std::max<Index>(rows_, 1);
    const Index most = std::max(round_up(fitting, costs::kProductDepth), costs::kProductDepth);
    const Index range = std::min(most, samples_);
    stride_ = round_up(range, static_cast<Index>(costs::kLine / sizeof(T)));
    if (stride_ * static_cast<Index>(sizeof(T)) % static_cast<Index>(costs::kSameSets) == 0) {
      stride_ += static_cast<Index>(costs::kLine / sizeof(T));
    }
    const Index scratch = (rows_ + costs::kProductDepth) * part_columns();
    T* const memory = static_cast<T*>(
        own_buffer().reserve(static_cast<std::size_t>(rows_ * stride_ + scratch * team.size()) * sizeof(T)));
    turned_ = memory;
    for (Index first = 0; first < samples_; first += range) {
      const Index end = std::min(first + range, samples_);
      each_part(team, (end - first + kTogether - 1) / kTogether, [&](Index part, Index /*member*/) {
        turn(first, first + part * kTogether, std::min(first + (part + 1) * kTogether, end));
      });
      each_part(team, static_cast<Index>(plan_.columns.size()), [&](Index part, Index member) {
        add(plan_.columns[static_cast<std::size_t>(part)], first, end, memory + rows_ * stride_ + member * scratch);
      });
    }
  }

 private:
  static constexpr Index kTogether = 64;  // of N that are turned together, so that what is read stays near

  // The sums of nothing.
  void clear() const {
    std::fill_n(call_.kernel, numbers_of(call_.cell, kKernelAt, call_.sizes), T(0));
    std::fill_n(call_.recurrent_kernel, numbers_of(call_.cell, kRecurrentKernelAt, call_.sizes), T(0));
    std::fill_n(call_.bias, numbers_of(call_.cell, kBiasAt, call_.sizes), T(0));
  }

  Index part_columns() const { return costs::kMaxPanels * width_; }
  const T* dz(Index n) const { return call_.dz + n * cell_.sums() * call_.sizes.units; }
  const T* reserve(Index n) const {
    return call_.reserve + n * (cell_.sums() + cell_.states.size()) * reserve_units<T>(call_.sizes.units);
  }

  // The inputs and the output before of one step.
  const T* input(Index n) const {
    const Index step = n % call_.steps;
    return call_.x + (n - step + (call_.go_backwards ? call_.steps - 1 - step : step)) * call_.sizes.inputs;
  }
  const T* output_before(Index n) const {
    if (n % call_.steps == 0) {
      return call_.initial == nullptr ? zeros_.data() : call_.initial + n / call_.steps * call_.sizes.units;
    }
    return reserve(n - 1) + cell_.sums() * reserve_units<T>(call_.sizes.units);
  }

  // Turns the inputs and the sources of the samples from `first` to `end`.
  void turn(Index from, Index first, Index end) const {
    const Index count = end - first;
    const Index units = call_.sizes.units;
    const T* rows[kTogether];
    const T* factors[kTogether];
    const auto each = [&](const T** to, auto row_of) {
      for (Index n = 0; n < count; ++n) to[n] = row_of(first + n);
    };
    T* to = turned_ + first - from;
    each(rows, [&](Index n) { return input(n); });
    kernels_.run(Turning<T>{rows, nullptr, count, call_.sizes.inputs, to, stride_});
    to += call_.sizes.inputs * stride_;
    std::fill_n(to, count, T(1));
    to += stride_;
    each(rows, [&](Index n) { return output_before(n); });
    for (const Source& source : plan_.sources) {
      each(factors, [&](Index n) { return reserve(n) + source.reset * reserve_units<T>(units); });
      kernels_.run(Turning<T>{rows, source.reset >= 0 ? factors : nullptr, count, units, to, stride_});
      to += units * stride_;
    }
  }

  // Adds the products of the samples from `first` to `end`. Sums are made in `scratch`, (rows, part_columns), taken up
  // from the results and put back there: a row of those is long.
  void add(const DzColumns& part, Index first, Index end, T* scratch) const {
    const Index row = part_columns();
    T* const packed = scratch + rows_ * row;
    if (first != 0) exchange<true>(part, scratch);
    for (Index from = first; from < end; from += costs::kProductDepth) {
      const Index depth = std::min(costs::kProductDepth, end - from);
      kernels_.run(PanelPacking<T>{dz(from) + part.dz, cell_.sums() * call_.sizes.units, depth, part.count, packed});
      const auto multiply = [&](Index begin, Index last) {
        kernels_.run(PanelProduct<T>{turned_ + begin * stride_ + from - first, stride_, last - begin, packed,
                                     (part.count + width_ - 1) / width_, depth, scratch + begin * row, row, from != 0});
      };
      const Index inputs = part.kernel >= 0 ? 0 : ones();
      const Index source = source_row(part);
      if (part.recurrent < 0) {
        multiply(inputs, ones() + 1);
      } else if (source == ones() + 1) {
        multiply(inputs, source + call_.sizes.units);
      } else {
        multiply(inputs, ones() + 1);
        multiply(source, source + call_.sizes.units);
      }
    }
    exchange<false>(part, scratch);
  }

  // Takes the part's sums from the results, or puts them there.
  template <bool kTakes>
  void exchange(const DzColumns& part, T* sums) const {
    const auto rows = [&](T* results, Index first, Index count) {
      for (Index r = 0; r < count; ++r) {
        T* const mine = sums + (first + r) * part_columns();
        T* const result = results + r * gates_;
        kTakes ? std::copy_n(result, part.count, mine) : std::copy_n(mine, part.count, result);
      }
    };
    if (part.kernel >= 0) {
      rows(call_.kernel + part.kernel, 0, call_.sizes.inputs);
      rows(call_.bias + part.kernel, ones(), 1);
    }
    if (part.recurrent >= 0) {
      rows(call_.recurrent_kernel + part.recurrent, source_row(part), call_.sizes.units);
      if (cell_.weights[kBiasAt].rows_of_gates() == 2) rows(call_.bias + gates_ + part.recurrent, ones(), 1);
    }
  }

  // The rows of `turned_`: the inputs, ones for the bias, and the sources.
  Index ones() const { return call_.sizes.inputs; }
  Index source_row(const DzColumns& part) const { return ones() + 1 + part.source * call_.sizes.units; }

  const WeightGradients<T>& call_;
  const CellFacts& cell_;
  const Kernels& kernels_;
  const Index width_;
  const Plan plan_;
  const Index samples_;
  const Index rows_;
  const Index gates_;
  const std::vector<T> zeros_;  // an initial state
  Index stride_ = 0;
  T* turned_ = nullptr;
};

}  // namespace

template <class T>
void run(const WeightGradients<T>& call) {
  Sums<T>(call).run();
}

template <class T>
void run(const InputGradient<T>& call) {
  const Kernels& kernels = current_kernels();
  const CellFacts& cell = facts(call.cell);
  const Index width = kernels.width(T(0));
  const Index inputs = call.sizes.inputs;
  const Index columns = cell.gate_count() * call.sizes.units;
  const Index padded = round_up(inputs, width);
  const Index samples = call.batch * call.steps;
  Team team(worthwhile_threads(static_cast<double>(samples) * static_cast<double>(inputs * columns)));
  constexpr Index together = costs::kRowsOfInputGradient;
  const Index scratch = together * padded;
  T* const packed = static_cast<T*>(
      own_buffer().reserve(static_cast<std::size_t>(padded * columns + scratch * team.size()) * sizeof(T)));
  T* at = packed;  // [part of the depth][panel][k][lane]
  for (Index first = 0; first < columns; first += costs::kProductDepth) {
    at = pack_turned(at, call.kernel, inputs, columns, {first, std::min(costs::kProductDepth, columns - first)}, width);
  }
  each_part(team, (samples + together - 1) / together, [&](Index part, Index member) {
    const Index begin = part * together;
    const Index count = std::min(together, samples - begin);
    T* const sums = at + member * scratch;
    for (Index first = 0; first < columns; first += costs::kProductDepth) {
      const Index depth = std::min(costs::kProductDepth, columns - first);
      kernels.run(PanelProduct<T>{call.dz + begin * cell.sums() * call.sizes.units + first,
                                  cell.sums() * call.sizes.units, count, packed + first * padded, padded / width, depth,
                                  sums, padded, first != 0});
    }
    for (Index r = 0; r < count; ++r) {
      const Index step = (begin + r) % call.steps;
      const Index n = begin + r - step + (call.go_backwards ? call.steps - 1 - step : step);
      std::copy(sums + r * padded, sums + r * padded + inputs, call.dx + n * inputs);
    }
  });
}

template void run(const WeightGradients<float>&);
template void run(const WeightGradients<double>&);
template void run(const InputGradient<float>&);
template void run(const InputGradient<double>&);

}  // namespace gatewise
