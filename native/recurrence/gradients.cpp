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

// The steps that count, of all sequences, in their order: those that a mask leaves, or every one.
class Samples {
 public:
  Samples(const std::uint8_t* mask, Index batch, Index steps, bool go_backwards) : count_(batch * steps) {
    if (mask == nullptr || std::all_of(mask, mask + count_, [](std::uint8_t real) { return real != 0; })) return;
    chosen_ = true;
    for (Index n = 0; n < count_; ++n) {
      const Index step = n % steps;
      if (mask[go_backwards ? n - step + steps - 1 - step : n] != 0) real_.push_back(n);
    }
    count_ = static_cast<Index>(real_.size());
  }

  Index count() const { return count_; }
  Index at(Index i) const { return chosen_ ? real_[static_cast<std::size_t>(i)] : i; }

  // How many from `i` on, and before `end`, follow one another.
  Index run(Index i, Index end) const {
    if (!chosen_) return end - i;
    Index next = i + 1;
    while (next < end && at(next) == at(i) + next - i) ++next;
    return next - i;
  }

  // Whether it is the first of its sequence.
  bool first_of_sequence(Index i, Index steps) const {
    return chosen_ ? i == 0 || at(i) / steps != at(i - 1) / steps : i % steps == 0;
  }

 private:
  Index count_;
  bool chosen_ = false;
  std::vector<Index> real_;
};

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
  if (cell.multiplies()) plan.sources.push_back({});
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
    add(dz, joined, gate, cell.multiplies() ? gate : -1, source);
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
        samples_(call.mask, call.batch, call.steps, call.go_backwards),
        rows_(call.sizes.inputs + 1 + static_cast<Index>(plan_.sources.size()) * call.sizes.units),
        gates_(cell_.gate_count() * call.sizes.units),
        zeros_(static_cast<std::size_t>(call.sizes.units)) {}

  void run() {
    if (samples_.count() == 0) return clear();
    const double products = static_cast<double>(samples_.count()) * static_cast<double>(rows_ * gates_);
    Team team(worthwhile_threads(products));
    const auto fitting = static_cast<Index>(costs::kTurnedBytes / sizeof(T)) / std::max<Index>(rows_, 1);
    const Index most = std::max(round_up(fitting, costs::kProductDepth), costs::kProductDepth);
    const Index range = std::min(most, samples_.count());
    stride_ = round_up(range, static_cast<Index>(costs::kLine / sizeof(T)));
    if (stride_ * static_cast<Index>(sizeof(T)) % static_cast<Index>(costs::kSameSets) == 0) {
      stride_ += static_cast<Index>(costs::kLine / sizeof(T));
    }
    const Index scratch = (rows_ + costs::kProductDepth) * part_columns();
    T* const memory = static_cast<T*>(
        own_buffer().reserve(static_cast<std::size_t>(rows_ * stride_ + scratch * team.size()) * sizeof(T)));
    turned_ = memory;
    for (Index first = 0; first < samples_.count(); first += range) {
      const Index end = std::min(first + range, samples_.count());
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

  // The inputs and the output before of one sample.
  const T* input(Index i) const {
    const Index n = samples_.at(i);
    const Index step = n % call_.steps;
    return call_.x + (n - step + (call_.go_backwards ? call_.steps - 1 - step : step)) * call_.sizes.inputs;
  }
  const T* output_before(Index i) const {
    const Index n = samples_.at(i);
    if (samples_.first_of_sequence(i, call_.steps)) {
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
      for (Index i = 0; i < count; ++i) to[i] = row_of(first + i);
    };
    T* to = turned_ + first - from;
    each(rows, [&](Index i) { return input(i); });
    kernels_.run(Turning<T>{rows, nullptr, count, call_.sizes.inputs, to, stride_});
    to += call_.sizes.inputs * stride_;
    std::fill_n(to, count, T(1));
    to += stride_;
    each(rows, [&](Index i) { return output_before(i); });
    for (const Source& source : plan_.sources) {
      each(factors, [&](Index i) { return reserve(samples_.at(i)) + source.reset * reserve_units<T>(units); });
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
      for (Index done = 0, run; done < depth; done += run) {
        run = samples_.run(from + done, from + depth);
        kernels_.run(PanelPacking<T>{dz(samples_.at(from + done)) + part.dz, cell_.sums() * call_.sizes.units, run,
                                     part.count, packed + done * width_, depth});
      }
      const auto multiply = [&](Index begin, Index last) {
        kernels_.run(PanelProduct<T>{turned_ + begin * stride_ + from - first, stride_, nullptr, last - begin, packed,
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
  const Samples samples_;
  const Index rows_;
  const Index gates_;
  const std::vector<T> zeros_;  // an initial state
  Index stride_ = 0;
  T* turned_ = nullptr;
};

// An input's gradient: the kernel is turned round once, then pieces of the samples are multiplied by it.
template <class T>
class InputProduct {
 public:
  explicit InputProduct(const InputGradient<T>& call)
      : call_(call),
        kernels_(current_kernels()),
        width_(kernels_.width(T(0))),
        columns_(facts(call.cell).gate_count() * call.sizes.units),
        padded_(round_up(call.sizes.inputs, width_)),
        samples_(call.mask, call.batch, call.steps, call.go_backwards) {}

  void run() {
    const Index inputs = call_.sizes.inputs;
    Team team(worthwhile_threads(static_cast<double>(samples_.count()) * static_cast<double>(inputs * columns_)));
    const Index scratch = kTogether * padded_;
    packed_ = static_cast<T*>(
        own_buffer().reserve(static_cast<std::size_t>(padded_ * columns_ + scratch * team.size()) * sizeof(T)));
    T* at = packed_;  // [part of the depth][panel][k][lane]
    for (Index first = 0; first < columns_; first += costs::kProductDepth) {
      at = pack_turned(at, call_.kernel, inputs, columns_, {first, std::min(costs::kProductDepth, columns_ - first)},
                       width_);
    }
    each_part(team, (samples_.count() + kTogether - 1) / kTogether, [&](Index part, Index member) {
      multiply(part * kTogether, std::min((part + 1) * kTogether, samples_.count()), at + member * scratch);
    });
    if (samples_.count() != call_.batch * call_.steps) fill();
  }

 private:
  static constexpr Index kTogether = costs::kRowsOfInputGradient;

  T* dx(Index n) const {
    const Index step = n % call_.steps;
    const Index time = call_.go_backwards ? call_.steps - 1 - step : step;
    return call_.dx + (n - step + time) * call_.sizes.inputs;
  }

  // The samples from `begin` to `end`, by way of `sums`.
  void multiply(Index begin, Index end, T* sums) const {
    const Index row = facts(call_.cell).sums() * call_.sizes.units;
    const T* rows[kTogether];
    for (Index first = 0; first < columns_; first += costs::kProductDepth) {
      const Index depth = std::min(costs::kProductDepth, columns_ - first);
      for (Index i = begin; i < end; ++i) rows[i - begin] = call_.dz + samples_.at(i) * row + first;
      kernels_.run(PanelProduct<T>{nullptr, 0, rows, end - begin, packed_ + first * padded_, padded_ / width_, depth,
                                   sums, padded_, first != 0});
    }
    for (Index i = begin; i < end; ++i, sums += padded_) std::copy_n(sums, call_.sizes.inputs, dx(samples_.at(i)));
  }

  // Zeros for the steps that do not count.
  void fill() const {
    Index next = 0;
    for (Index i = 0; i <= samples_.count(); ++i) {
      const Index end = i < samples_.count() ? samples_.at(i) : call_.batch * call_.steps;
      for (; next < end; ++next) std::fill_n(dx(next), call_.sizes.inputs, T(0));
      ++next;
    }
  }

  const InputGradient<T>& call_;
  const Kernels& kernels_;
  const Index width_;
  const Index columns_;
  const Index padded_;
  const Samples samples_;
  T* packed_ = nullptr;
};

}  // namespace

template <class T>
void run(const WeightGradients<T>& call) {
  Sums<T>(call).run();
}

template <class T>
void run(const InputGradient<T>& call) {
  InputProduct<T>(call).run();
}

template void run(const WeightGradients<float>&);
template void run(const WeightGradients<double>&);
template void run(const InputGradient<float>&);
template void run(const InputGradient<double>&);

}  // namespace gatewise
