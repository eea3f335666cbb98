// The form in which a cell says what it is, but for its equation: gates, states, weights, and the products of a step.
//
// Nothing here belongs to an instruction set. Code that is compiled for one calls these functions in constants only:
// see base/simd.h.
#pragma once

#include <type_traits>

#include "base/index.h"

namespace gatewise {

// An array that stands elsewhere.
template <class T>
class List {
 public:
  template <int kCount>
  constexpr List(const T (&items)[kCount]) : first_(items), count_(kCount) {}  // NOLINT: a list is what its items are

  constexpr int size() const { return count_; }
  constexpr const T& operator[](int i) const { return first_[i]; }
  constexpr const T* begin() const { return first_; }
  constexpr const T* end() const { return first_ + count_; }

 private:
  const T* first_;
  int count_;
};

// One axis of a weight's shape: "4", "I", "H", or "gH".
struct Axis {
  Index number = 1;
  bool gates = false;
  char letter = 0;  // I, H, or 0 where the number says all

  constexpr bool is(char wanted) const { return letter == wanted && !gates; }
};

struct Axes {
  Axis at[2];
  int count = 0;
};

// A weight by name, with its shape in letters: I inputs, H units, g gates.
struct WeightFact {
  const char* name;
  const char* shape;      // "(I, gH)"
  bool optional = false;  // may be left out, for zeros

  constexpr Axes axes() const {
    Axes axes;
    for (const char* at = shape + 1; *at != ')';) {
      Axis& axis = axes.at[axes.count++];
      if (*at >= '0' && *at <= '9') {
        for (axis.number = 0; *at >= '0' && *at <= '9'; ++at) axis.number = 10 * axis.number + (*at - '0');
      }
      if (*at == 'g') axis.gates = true, ++at;
      if (*at == 'I' || *at == 'H') axis.letter = *at++;
      while (*at == ',' || *at == ' ') ++at;
    }
    return axes;
  }

  // Rows of a weight that has numbers for each unit and knows no gates, (H,) or (n, H); of others 0.
  constexpr int rows_of_units() const {
    const Axes all = axes();
    if (!all.at[all.count - 1].is('H')) return 0;
    if (all.count == 1) return 1;
    return all.at[0].letter == 0 ? static_cast<int>(all.at[0].number) : 0;
  }

  // Rows of a bias, which has a number for each gate of each unit.
  constexpr int rows_of_gates() const {
    const Axes all = axes();
    return all.count == 1 ? 1 : static_cast<int>(all.at[0].number);
  }
};

// Every cell's first three weights, in this order. A bias of two rows has one for the input and one for the state.
inline constexpr WeightFact kKernel{"kernel", "(I, gH)"};
inline constexpr WeightFact kRecurrentKernel{"recurrent_kernel", "(H, gH)"};
inline constexpr WeightFact kNoRecurrentKernel{"recurrent_kernel", "(0, gH)"};  // of cells that multiply no state
inline constexpr WeightFact kBias{"bias", "(gH,)", true};
inline constexpr WeightFact kBiasOfTwoRows{"bias", "(2, gH)", true};
inline constexpr int kKernelAt = 0;
inline constexpr int kRecurrentKernelAt = 1;
inline constexpr int kBiasAt = 2;

// One product of a step and the equation after it. Fields are a cell's states, in their order, and what it keeps
// between its phases.
struct PhaseFacts {
  int first_gate;
  int gates;
  int sums;    // the gates, and one more where the input's and the state's share of the last gate must stay apart
  int source;  // the field that the recurrent kernel multiplies
  unsigned reads;
  unsigned writes;
  int reset = -1;  // where the source is no state: the sum whose gate, times the output before, makes it
};

// Sets of fields. The first state, which is field 0, is the output too.
inline constexpr unsigned kNothing = 0;
constexpr unsigned only(int field) { return 1U << field; }
constexpr bool has(unsigned set, int field) { return (set >> field & 1U) != 0; }
inline constexpr int kOutput = 0;

// What a cell derives from that few programs have: it is compiled for float alone, and without tiles. A build would
// take almost twice as long with all of it for all cells.
struct Rare {};

// The same, and its way back is left to others: it has no `backward`, and keeps no reserve.
struct OnlyForward : Rare {};

struct CellFacts {
  const char* name;
  const char* gates;  // a letter each, in the order of the weights' columns
  List<const char*> states;
  List<WeightFact> weights;
  List<PhaseFacts> phases;
  int between;     // fields beside the states, which one phase leaves to the next
  bool goes_back;  // whether its equation has a `backward`
  bool rare;

  // Whether a step multiplies the state; else the recurrent kernel has no rows.
  constexpr bool multiplies() const { return weights[kRecurrentKernelAt].axes().at[0].letter == 'H'; }

  // How many rows it has, for so many units.
  constexpr Index state_rows(Index units) const { return multiplies() ? units : 0; }

  // Whether a phase multiplies this field.
  constexpr bool is_source(int field) const {
    for (const PhaseFacts& phase : phases) {
      if (phase.source == field) return true;
    }
    return false;
  }

  constexpr int gate_count() const {
    int count = 0;
    while (gates[count] != 0) ++count;
    return count;
  }

  // The most sums of a phase.
  constexpr int most_sums() const {
    int most = 0;
    for (const PhaseFacts& phase : phases) most = phase.sums > most ? phase.sums : most;
    return most;
  }

  constexpr int fields() const { return states.size() + between; }

  // Sums of all phases, and of those before `phase`.
  constexpr int sums_before(int phase) const {
    int sums = 0;
    for (int i = 0; i < phase; ++i) sums += phases[i].sums;
    return sums;
  }
  constexpr int sums() const { return sums_before(phases.size()); }

  // Numbers that a unit has of its own, beside its columns of the kernels and the bias.
  constexpr int unit_rows() const {
    int rows = 0;
    for (const WeightFact& weight : weights) rows += weight.rows_of_units();
    return rows;
  }
};

// Whether the cell is compiled for numbers of this type.
template <class T>
constexpr bool has_type(const CellFacts& cell) {
  return !cell.rare || std::is_same_v<T, float>;
}

// What a cell's struct declares, as one value.
template <class C>
constexpr CellFacts facts_of() {
  return {C::name,
          C::gates,
          C::states,
          C::weights,
          C::phases,
          C::between,
          !std::is_base_of_v<OnlyForward, C>,
          std::is_base_of_v<Rare, C>};
}

}  // namespace gatewise
