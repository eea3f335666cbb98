// What the parts of the engine share whatever the instruction set: the packed layer, one call, and where it works.
//
// Shapes: B batch, T time, I inputs, H units. "Panel" is one vector's worth of hidden units with all their gates.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gatewise {

using Index = std::ptrdiff_t;

enum class Cell { simple, lstm, gru, gru_reset_after };

enum class Activation { tanh, sigmoid, hard_sigmoid, keras2_hard_sigmoid, relu, linear, softsign };

inline constexpr int kMaxStates = 2;
inline constexpr int kMaxPhases = 2;

// Tiles multiply sums of bfloat16 numbers: one, to which a number is rounded, or three, which hold all of a float.
inline constexpr int kFloatParts = 3;
inline constexpr Index kTilePairs = 16;  // pairs of rows in a tile of weights

// Weights, inputs and states that reach this go to the vectors instead: no product of tiles overflows.
inline constexpr float kTileLimit = 0x1p60F;

// Where few units are left past the last whole vector, one vector holds all their gates: so many gates, each of
// width / kFold units. (33 units of an LSTM take 9 vectors in place of 12.)
inline constexpr Index kFold = 4;

// Of one or two gates there is little to fold, and of a vector of two lanes nothing.
constexpr bool folds(int gates, Index width) { return gates >= 3 && width >= kFold; }

// One matrix product of a step, packed. The accumulators of a unit are its gates, and one more where the input's and
// the state's share of the last gate must stay apart (`sums == gates + 1`, GRU with reset_after).
template <class T>
struct Phase {
  const T* input = nullptr;      // [panel][I][gate][lane]
  const T* recurrent = nullptr;  // [panel][H][gate][lane]
  const T* bias = nullptr;       // [panel][sum][lane]
  int gates = 0;
  int sums = 0;
};

template <class T>
struct Layer {
  Cell cell = Cell::lstm;
  Activation activation = Activation::tanh;
  Activation recurrent_activation = Activation::sigmoid;
  Index inputs = 0;
  Index units = 0;
  Index width = 0;       // lanes of a vector
  Index panels = 0;      // units / width, rounded up
  bool folded = false;   // the last panel is folded: [row][gate][width / kFold], in the first part of its memory
  Index input_rows = 0;  // rows of a packed panel: I and H; for tiles `parts` times half of them (a lane holds a pair
  Index recurrent_rows = 0;  // of bfloat16 numbers), in whole tiles
  int parts = 0;  // 0: vectors multiply the numbers as they are. Else tiles do, as the sum of so many bfloat16 numbers
  const Layer* exact = nullptr;  // where parts == 3: the same layer for vectors, which take what tiles cannot
  int states = 1;
  int phases = 1;
  Phase<T> phase[kMaxPhases];

  Index padded() const { return panels * width; }
  Index whole_panels() const { return panels - (folded ? 1 : 0); }
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
  const T* initial[kMaxStates] = {nullptr, nullptr};  // null is zeros
  Index initial_batch[kMaxStates] = {0, 0};
  Index initial_unit[kMaxStates] = {0, 0};
  T* last[kMaxStates] = {nullptr, nullptr};  // (B, H); may be null
  T* y = nullptr;                            // (B, T, H) or (B, H)
  bool go_backwards = false;
  bool sequences = false;
  bool zero_masked = false;
  bool independent = false;  // a sequence's bits must not depend on how many others there are: vectors only
};

// How one call is divided. Every division gives the same bits.
struct Plan {
  Index threads = 1;
  bool split_units = false;  // members share the batch and divide the units, with a barrier a step
  bool ahead = false;        // multiply the input of `chunk` steps by its kernel before the steps themselves
  Index chunk = 1;
  bool far = false;  // states and outputs do not stay in the first-level cache: fetch them early
};

// Working memory of one call, as all members see it.
template <class T>
struct Workspace {
  Index apart = 0;   // the rows of a member that has them to itself begin so much later than those of the one before
  Index stride = 0;  // from row to row of the five arrays that follow
  T* h[2] = {nullptr, nullptr};  // (B, padded): the state read and the state written by a step, in turn
  T* c = nullptr;                // (B, padded): a cell's second state
  T* update = nullptr;           // (B, padded): GRU's z, between its two phases
  T* reset = nullptr;            // (B, padded): GRU's r * h, between its two phases
  // What the tiles read: inputs and states as pairs of bfloat16 numbers in one T each, part after part.
  Index input_stride = 0;
  Index pair_stride = 0;
  T* inputs = nullptr;               // [member][inputs_size]: the steps of a chunk
  T* pairs[2] = {nullptr, nullptr};  // (B, pair_stride): h
  T* reset_pairs = nullptr;          // (B, pair_stride): r * h
  Index inputs_size = 0;
  T* ahead = nullptr;  // [member][ahead_size]: projected inputs
  Index ahead_size = 0;
};

class Team;

// The functions of one instruction set.
struct Kernels {
  const char* name;
  Index width32;
  Index width64;
  void (*run32)(const Layer<float>&, const Sequence<float>&, const Plan&, const Workspace<float>&, Team&, Index member);
  void (*run64)(const Layer<double>&, const Sequence<double>&, const Plan&, const Workspace<double>&, Team&,
                Index member);
  // For layers packed for tiles; null where there are none.
  void (*tiles32)(const Layer<float>&, const Sequence<float>&, const Plan&, const Workspace<float>&, Team&,
                  Index member);

  Index width(float /*tag*/) const { return width32; }
  Index width(double /*tag*/) const { return width64; }
  void run(const Layer<float>& l, const Sequence<float>& s, const Plan& p, const Workspace<float>& w, Team& t,
           Index member) const {
    (l.parts == 0 ? run32 : tiles32)(l, s, p, w, t, member);
  }
  void run(const Layer<double>& l, const Sequence<double>& s, const Plan& p, const Workspace<double>& w, Team& t,
           Index member) const {
    run64(l, s, p, w, t, member);
  }
};

}  // namespace gatewise
