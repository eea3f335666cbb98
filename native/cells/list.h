// The cells. A new one is a header like lstm.h, included here, and a place in the list.
#pragma once

#include "cells/clipped_lstm.h"
#include "cells/coupled_lstm.h"
#include "cells/facts.h"
#include "cells/gru.h"
#include "cells/gru_reset_after.h"
#include "cells/indrnn.h"
#include "cells/lstm.h"
#include "cells/minimal.h"
#include "cells/peephole_lstm.h"
#include "cells/rg_lru.h"
#include "cells/simple_rnn.h"
#include "cells/slstm.h"
#include "cells/zoneout_lstm.h"

namespace gatewise {

template <class... C>
struct CellList {
  static constexpr int kCount = sizeof...(C);
  static constexpr CellFacts kFacts[] = {facts_of<C>()...};
};

using Cells = CellList<SimpleRnn, Lstm, Gru, GruResetAfter, PeepholeLstm, CoupledLstm, ClippedLstm, ZoneoutLstm, Slstm,
                       IndRnn, MinGru, MinLstm, RgLru>;

// A cell as a place in the list.
enum class Cell : int {};

constexpr const CellFacts& facts(Cell cell) { return Cells::kFacts[static_cast<int>(cell)]; }

// The most of something that any of the cells has.
template <class Count>
constexpr int most_of_cells(Count count) {
  int most = 0;
  for (const CellFacts& cell : Cells::kFacts) most = count(cell) > most ? count(cell) : most;
  return most;
}

inline constexpr int kMaxStates = most_of_cells([](const CellFacts& cell) { return cell.states.size(); });
inline constexpr int kMaxFields = most_of_cells([](const CellFacts& cell) { return cell.fields(); });
inline constexpr int kMaxPhases = most_of_cells([](const CellFacts& cell) { return cell.phases.size(); });
inline constexpr int kMaxSumsOfPhase = most_of_cells([](const CellFacts& cell) { return cell.most_sums(); });
inline constexpr int kMaxWeights = most_of_cells([](const CellFacts& cell) { return cell.weights.size(); });

// Calls `f(C())` with the struct of the cell.
template <class F, class... C>
void with_cell(Cell cell, F f, CellList<C...> /*all*/) {
  int at = 0;
  ((static_cast<int>(cell) == at++ ? f(C()) : void()), ...);
}

template <class F>
void with_cell(Cell cell, F f) {
  with_cell(cell, f, Cells());
}

}  // namespace gatewise
