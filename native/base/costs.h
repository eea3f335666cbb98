// Every threshold that is there for speed, with its unit and where it comes from. None of them changes a bit of any
// result, but for those of the tiles, which choose between two ways of adding up.
//
// Unless another is named, the machine of a measurement is the one of benchmarks/results: two cores, AVX-512 with AMX.
// "Chosen" is what was not varied in a measurement that was kept.
#pragma once

#include <cstddef>

#include "base/index.h"

namespace gatewise::costs {

// -- sizes of the machine ---------------------------------------------------------------------------------------------

// Bytes of a line of the caches. (A fact of x86 and of most Arm processors.)
inline constexpr std::size_t kLine = 64;

// Bytes of a huge page of Linux: memory from half of one on is aligned to it, and asked for in such pages. Chosen;
// a large layer touches more small pages in a step than the processor keeps translations of.
inline constexpr std::size_t kHugePage = 2U << 20;

// Bytes of cache that a core has to itself, where the system does not say. Chosen.
inline constexpr double kPrivateCache = 1048576;

// -- the micro-kernel -------------------------------------------------------------------------------------------------

// Sums that a tile keeps in 32 registers, and in 16; those left over are for weights and inputs. (From these numbers.)
inline constexpr int kSumsOf32 = 24;
inline constexpr int kSumsOf16 = 12;

// Rows of a tile at most with 16 registers and fused products. Four rows of three gates, their numbers and a weight are
// one too many: measured on an EPYC of family 25 and model 17 with AVX2, they reach 75% of the peak, three rows 91%.
inline constexpr int kRowsOf16 = 3;

// Rows of a tile at most where a product takes a lane of a vector as a factor: a register a row for those, beside 24
// sums. (From the number of registers; NEON, whose 6 rows of 4 gates then take 1.36 instructions a multiply-add,
// counted.)
inline constexpr int kRowsByLane = 7;

// Without fused products (x86-64 before AVX2) the tiles are few: what they would gain is little, and each takes its
// time of every build. Chosen.
inline constexpr int kRowsUnfused = 2;
inline constexpr int kMaxPanelsUnfused = 2;

// Panels of a tile, of one or two gates and of more. Six sums suffice to hide the latency, and more of the weights met
// last are still near when the next step begins: for one row of three gates two panels were measured 10% faster than
// four, of four gates 0 to 6% (on an EPYC of family 25 and model 17).
inline constexpr int kMaxPanels = 4;
inline constexpr int kMaxPanelsOfManyGates = 2;

// Rows of a tile of one panel and one gate: a product can begin twice a cycle and takes four, and six rows are a good
// part of the eight sums that hide that. (From these numbers.)
inline constexpr int kRowsOfOnePanel = 6;

// Rows from which on a tile fetches the next panel's weights: lower ones are bound by loads, and have none to spare.
// (From the balance of loads and products; chosen.)
inline constexpr int kFetchingRows = 3;

// -- the cell's equation ----------------------------------------------------------------------------------------------

// Vectors to which it is applied together, so that one may go on where another waits. Chosen.
inline constexpr int kTogether = 2;

// Rows whose sums wait, so that the equation has enough to do where it would wait for itself at the end of each tile.
inline constexpr int kRowsWaiting = 12;

// Beside tiles: rows that wait until so many can be had at once. Fewer cost more to begin with, more keep the tiles
// waiting. Chosen.
inline constexpr Index kRowsAtOnce = 4;

// -- the division of a call -------------------------------------------------------------------------------------------

// Bytes of weights that stay in the first-level cache beside all else. (From its size, 32 or 48 KiB.)
inline constexpr double kNear = 32768;

// The share of a core's own cache from which on weights come from afar, step after step. Chosen.
inline constexpr double kAfar = 0.75;

// Multiply-adds of a whole call that are worth waking threads. Chosen.
inline constexpr double kCallWorthThreads = 4e5;

// Multiply-adds of a step from which on the units are divided: 0.7 us, half of which is more than a barrier.
inline constexpr double kStepWorthBarriers = 3e4;

// Rows that each thread must have before the batch is divided rather than the units (no barriers, but every thread
// reads all weights): few where the weights are near, many where they come from afar, and for tiles nearly their
// height. Chosen.
inline constexpr double kRowsOfAThreadNear = 2;
inline constexpr double kRowsOfAThread = 3.5;
inline constexpr double kRowsOfAThreadAfar = 64;

// Sequences of unlike lengths are cut into pieces of the same work: a step costs what its rows do and what so many more
// would, since the weights must come. A piece has at most so many times the rows that it would have of equal lengths.
// Chosen.
inline constexpr double kRowsOfAStep = 3;
inline constexpr Index kMostOfAPiece = 2;

// Sequences of a piece of a way back: as many as share the recurrent kernel while it is near. Chosen.
inline constexpr Index kRowsOfBackwardPiece = 48;

// Products of whole sequences, for the gradients of weights and inputs: terms of a sum that are multiplied together, so
// that a group of panels stays in a core's own cache; bytes of inputs and states that are turned round together; and
// steps of sequences of a piece. Chosen.
inline constexpr Index kProductDepth = 512;
inline constexpr double kTurnedBytes = 8388608;
inline constexpr Index kRowsOfInputGradient = 96;

// Inputs multiplied ahead of the steps: in higher tiles, and reading the kernel less often, but writing and reading the
// sums between. Up to so many sequences, and from so many inputs on. Chosen.
inline constexpr Index kAheadBelowRows = 6;
inline constexpr Index kAheadBelowRowsOfTiles = 12;
inline constexpr Index kAheadInputsNear = 24;   // of one sequence, where the weights are near
inline constexpr Index kAheadInputsOfARow = 8;  // of each sequence, where they are not

// Steps whose inputs are multiplied together: as many as fill this share of a core's own cache, within these bounds.
// Chosen.
inline constexpr double kAheadShare = 0.25;
inline constexpr Index kAheadLeastSteps = 12;
inline constexpr Index kAheadMostSteps = 256;

// Bytes of states beyond which they do not stay in the first-level cache: they are fetched early. (Half of 32 KiB.)
inline constexpr double kFarStates = 16384;

// -- tiles of bfloat16 ------------------------------------------------------------------------------------------------

// Float32 layers go by tiles from so many sequences on (a tile's rows for each of two threads, nearly), and where a sum
// has so many terms: the two ends of a tile were measured to cost as much as 60 of them.
inline constexpr Index kRowsWorthTiles = 28;
inline constexpr Index kTermsWorthTiles = 120;
inline constexpr Index kUnitsWorthTiles = 64;

// -- threads ----------------------------------------------------------------------------------------------------------

// Bytes between what one thread writes and what another does: a core fetches the lines ahead of those that it works on,
// and would take them from its neighbour time and again. Measured: 20% of a step of a small layer.
inline constexpr std::size_t kApart = 1024;

// Rows of states whose bytes are a multiple of this would meet in the same few sets of a cache: a line stands between.
// Chosen.
inline constexpr std::size_t kSameSets = 1024;

// Microseconds that a thread waits for its next job before it sleeps. Chosen: longer than what a Python program does
// between two calls.
inline constexpr int kSpinMicroseconds = 200;

}  // namespace gatewise::costs
