// What the parts of the engine share whatever the instruction set: the packed layer, one call, and where it works.
//
// Shapes: B batch, T time, I inputs, H units. "Panel" is one vector's worth of hidden units with all their gates.
#pragma once

#include <cstdint>

#include "base/index.h"
#include "cells/list.h"
#include "kernels/activation.h"
#include "kernels/forms.h"

namespace gatewise {

// The weights of one phase of a step.
template <class T>
struct PackedPhase {
  const T* input = nullptr;      // [panel][I][gate][lane]
  const T* recurrent = nullptr;  // [panel][H][gate][lane]
  const T* bias = nullptr;       // [panel][sum][lane]
};

template <class T>
struct PackedLayer {
  Cell cell{};
  Activation activation = Activation::tanh;
  Activation recurrent_activation = Activation::sigmoid;
  Index inputs = 0;
  Index units = 0;
  Index width = 0;       // lanes of a vector
  Index panels = 0;      // units / width, rounded up
  bool by_gate = false;  // the weights of a panel are [gate][row][lane]: for calls with factors
  bool folded = false;   // the last panel is folded: [row][gate][width / kFold], in the first part of its memory
  Index input_rows = 0;  // rows of a packed panel: I and H; for tiles `parts` times half of them (a lane holds a pair
  Index recurrent_rows = 0;  // of bfloat16 numbers), in whole tiles
  int parts = 0;  // 0: vectors multiply the numbers as they are. Else tiles do, as the sum of so many bfloat16 numbers
  const PackedLayer* exact = nullptr;  // where parts == 3: the same layer for vectors, which take what tiles cannot
  int states = 1;
  PackedPhase<T> phase[kMaxPhases];
  const T* unit_weights = nullptr;  // [panel][row][lane]: a unit's own, the cell's `unit_rows` of them; folded, each
                                    // row is the same width / kFold units kFold times

  Index padded() const { return panels * width; }
  Index whole_panels() const { return panels - (folded ? 1 : 0); }
};

// Rows of an array that the caller will want next. Memory is asked for them between the tiles, a few lines at a time:
// it answers only so many questions at once.
template <class T>
struct Soon {
  const T* array = nullptr;
  Index size = 0;  // of a row
  const std::uint32_t* rows = nullptr;
  Index count = 0;
};

// Which steps of some sequences are real, where they are the first ones of each, or the last ones: the rest is padding.
// Then those that have a step are always the first of all. (Steps are counted in the order in which they are done.)
struct Lengths {
  const std::uint32_t* rows = nullptr;   // which of the caller's sequences each is; null: as they lie, without padding
  const std::uint32_t* steps = nullptr;  // how many are real, the most first
  bool last = false;                     // whether they are the last ones
};

// One call: T steps of B sequences. Strides count elements; the innermost stride of x is 1.
template <class T>
struct Sequence {
  Index batch = 0;
  Index steps = 0;
  const T* x = nullptr;
  Index x_batch = 0;
  Index x_time = 0;
  const std::uint8_t* mask = nullptr;  // 0 is a masked step; null is no mask
  Index mask_batch = 0;
  Index mask_time = 0;
  Lengths lengths;                    // of a call without a mask, `initial_rows` and `last_rows`: see padding.h
  const T* initial[kMaxStates] = {};  // null is zeros
  Index initial_batch[kMaxStates] = {};
  Index initial_unit[kMaxStates] = {};
  T* last[kMaxStates] = {};           // (B, H); may be null, or the very memory of `initial`
  Index last_batch[kMaxStates] = {};  // from row to row; 0: H
  // Where the rows of `initial` and `last` are many sequences' and these are some of them: which. Null: as they lie.
  const std::uint32_t* initial_rows = nullptr;
  const std::uint32_t* last_rows = nullptr;
  Soon<T> soon;
  T* y = nullptr;  // (B, T, H) or (B, H)
  // What the backward needs, or a reader wants to see; null: not kept. (B, T, sums of all phases + states,
  // reserve_units): the activated gates, then the states after the step. Steps in the order in which they are done.
  // Only for layers for vectors that are not folded. Of padding nothing is kept, but where `fills`: gates that are
  // shut, and the states that go through.
  T* reserve = nullptr;
  bool fills = false;
  // What the kernels multiply is first multiplied by these, for each gate its own: (B, gates, I) of the inputs, and
  // (B, gates, H) of the state; null: ones. For layers that are packed by gate.
  const T* input_factors = nullptr;
  const T* factors = nullptr;
  bool go_backwards = false;
  bool sequences = false;
  bool zero_masked = false;
  bool independent = false;  // a sequence's bits must not depend on how many others there are: vectors only
};

// Numbers that one field takes in a row of a reserve: whole vectors on any machine.
template <class T>
constexpr Index reserve_units(Index units) {
  constexpr auto line = static_cast<Index>(64 / sizeof(T));
  return (units + line - 1) / line * line;
}

// How one call is divided. Every division gives the same bits.
struct Division {
  Index threads = 1;
  bool split_units = false;  // members share the batch and divide the units, with a barrier a step
  Index rows = 0;            // else the batch is cut into pieces of so many sequences, each done by one member
  bool ahead = false;        // multiply the input of `chunk` steps by its kernel before the steps themselves
  Index chunk = 1;
  bool far = false;  // states and outputs do not stay in the first-level cache: fetch them early
  Index look = 1;    // steps between two looks at whether to go on
};

// Working memory of one call, as all members see it.
template <class T>
struct Workspace {
  Index stride = 0;  // from row to row of the arrays of numbers that follow
  // From member to member of these arrays, where each has its own; 0 where they share them.
  Index field_size = 0;
  Index pairs_size = 0;
  // (rows, padded) each, the output in two: the one read and the one written by a step, in turn. The cell's other
  // fields are changed in place.
  T* output[2] = {};
  T* fields[kMaxFields] = {};
  // What the tiles read: inputs, and the fields that a phase multiplies, as pairs of bfloat16 numbers in one T each,
  // part after part.
  Index input_stride = 0;
  Index pair_stride = 0;
  T* inputs = nullptr;      // [member][inputs_size]: the steps of a chunk
  T* output_pairs[2] = {};  // (rows, pair_stride)
  T* field_pairs[kMaxFields] = {};
  Index inputs_size = 0;
  T* ahead = nullptr;  // [member][ahead_size]: projected inputs
  Index ahead_size = 0;
  // [member]: the source of a phase, and its inputs, times the factors of each of its gates.
  T* factored = nullptr;
  T* factored_inputs = nullptr;
  Index factored_size = 0;
};

class Team;
struct RowKernels;

// The share of one member of a team in a call, or in a piece of one.
template <class T>
struct Part {
  const PackedLayer<T>& layer;
  const Sequence<T>& call;
  const Division& division;
  const Workspace<T>& space;
  Team& team;
  Index member;
  Index from;  // the step to begin with: the first, or where a team has left off
};

// Does a part, and returns the step before which it stopped: all members of a team the same.
template <class T>
using RunPart = Index (*)(const Part<T>&);

template <class T>
struct BackwardPart;
template <class T>
using RunBackward = Index (*)(const BackwardPart<T>&);

// Rows times panels: out[r][panel][lane] becomes, or grows by, the sum over k of rows[r][k] panels[panel][k][lane].
template <class T>
struct PanelProduct {
  const T* rows;
  Index row_stride;
  const T* const* apart;  // where they lie apart, each of them; else null
  Index count;            // of rows
  const T* panels;
  Index panel_count;
  Index depth;
  T* out;  // in whole vectors
  Index out_stride;
  bool adds;
};

// Columns of a matrix as such panels, [panel][row][lane], with zeros past the last column.
template <class T>
struct PanelPacking {
  const T* from;
  Index stride;  // from row to row
  Index rows;
  Index columns;
  T* to;
  Index depth;  // rows of a panel, of which these are some
};

// to[i * stride + r] = rows[r][i], times factors[r][i] where there are factors.
template <class T>
struct Turning {
  const T* const* rows;
  const T* const* factors;
  Index count;  // of rows
  Index columns;
  T* to;
  Index stride;
};

template <class T>
using RunTurning = void (*)(const Turning<T>&);
template <class T>
using RunPacking = void (*)(const PanelPacking<T>&);
template <class T>
using RunProduct = void (*)(const PanelProduct<T>&);

// The functions of one instruction set.
struct Kernels {
  const char* name;
  Index width32;
  Index width64;
  RunPart<float> run32;
  RunPart<double> run64;
  RunPart<float> tiles32;  // for layers packed for tiles; null where there are none
  const RowKernels* rows;  // what streams need beside recurrences
  RunBackward<float> back32;
  RunBackward<double> back64;
  RunProduct<float> product32;
  RunProduct<double> product64;
  RunPacking<float> packing32;
  RunPacking<double> packing64;
  RunTurning<float> turning32;
  RunTurning<double> turning64;

  Index width(float /*tag*/) const { return width32; }
  Index width(double /*tag*/) const { return width64; }
  Index run(const Part<float>& part) const { return (part.layer.parts == 0 ? run32 : tiles32)(part); }
  Index run(const Part<double>& part) const { return run64(part); }
  Index run(const BackwardPart<float>& part) const { return back32(part); }
  Index run(const BackwardPart<double>& part) const { return back64(part); }
  void run(const PanelProduct<float>& product) const { product32(product); }
  void run(const PanelProduct<double>& product) const { product64(product); }
  void run(const PanelPacking<float>& packing) const { packing32(packing); }
  void run(const PanelPacking<double>& packing) const { packing64(packing); }
  void run(const Turning<float>& turning) const { turning32(turning); }
  void run(const Turning<double>& turning) const { turning64(turning); }
};

}  // namespace gatewise
