// What one thread of a call sees: its share of the panels, and where states, inputs and outputs stand.
#pragma once

#include "base/costs.h"
#include "cells/unit.h"
#include "recurrence/engine.h"
#include "recurrence/walk.h"

namespace gatewise::GATEWISE_ISA {

// The working memory as `member` sees it.
template <class T>
Workspace<T> memory_of(Index member, Workspace<T> space) {
  space.inputs += member * space.inputs_size;
  space.ahead += member * space.ahead_size;
  space.factored += member * space.factored_size;
  space.factored_inputs += member * space.factored_size;
  const auto move = [member](T*& memory, Index size) {
    if (memory != nullptr) memory += member * size;
  };
  for (T*& numbers : space.output) move(numbers, space.field_size);
  for (T*& numbers : space.fields) move(numbers, space.field_size);
  for (T*& pairs : space.output_pairs) move(pairs, space.pairs_size);
  for (T*& pairs : space.field_pairs) move(pairs, space.pairs_size);
  return space;
}

// A phase of the cell C: its facts as constants, beside its equation.
template <class C, int kPhase>
struct CellPhase : Equation<C, kPhase> {
  static constexpr PhaseFacts kFacts = facts_of<C>().phases[kPhase];
  static constexpr int kIndex = kPhase;
  static constexpr int kGates = kFacts.gates;
  static constexpr int kSums = kFacts.sums;
  static constexpr int kSource = kFacts.source;
  static constexpr bool kWritesOutput = has(kFacts.writes, kOutput);
  // What is multiplied while it is written stands in two places; only the output does.
  static_assert(kSource == kOutput || !has(kFacts.writes, kSource));
};

template <class T, class C>
class Member {
 public:
  static constexpr CellFacts kFacts = facts_of<C>();
  static constexpr int kStates = kFacts.states.size();
  static constexpr Index kGates = kFacts.gate_count();
  static constexpr Index kUnitRows = kFacts.unit_rows();
  static constexpr Index kLanes = kWidth<T>;

  Member(const PackedLayer<T>& layer_, const Sequence<T>& call_, const Division& division_, const Workspace<T>& all,
         Index member)
      : layer(layer_),
        call(call_),
        division(division_),
        space(memory_of(member, all)),
        rows{0, call.batch},
        panels(division.split_units ? share(layer.panels, member, division.threads) : Share{0, layer.panels}),
        whole(lesser(panels.end, layer.whole_panels())) {}

  const PackedLayer<T>& layer;
  const Sequence<T>& call;
  const Division& division;
  const Workspace<T> space;
  const Share rows;
  const Share panels;
  const Index whole;  // the end of this member's panels that are not folded

  Index row_count() const { return rows.end - rows.begin; }

  // Rows that have a step, the first of all; and the first real step of a row, and the end of those.
  Index rows_at(Index step) const {
    return end_of_rows(call.lengths, rows.begin, rows.end, step, call.steps) - rows.begin;
  }
  Index first_step(Index row) const { return GATEWISE_ISA::first_step(call.lengths, row, call.steps); }
  Index end_of_steps(Index row) const { return GATEWISE_ISA::end_of_steps(call.lengths, row, call.steps); }

  // Which of the caller's sequences a row is.
  Index sequence(Index row) const { return sequence_of(call.lengths, row); }
  Index panel_count() const { return panels.end - panels.begin; }

  Index first_unit() const { return panels.begin * kLanes; }

  Index end_unit() const {
    const Index end = panels.end * kLanes;
    return end < layer.units ? end : layer.units;
  }

  Index time(Index step) const { return call.go_backwards ? call.steps - 1 - step : step; }

  bool masked(Index row, Index step) const {
    return call.mask != nullptr && call.mask[row * call.mask_batch + time(step) * call.mask_time] == 0;
  }

  // The inputs of one row, where the caller has them.
  const T* input(Index row, Index step) const {
    return call.x + sequence(row) * call.x_batch + time(step) * call.x_time;
  }

  // A field as `step` finds it.
  T* field(int which, Index step) const { return which == kOutput ? space.output[step & 1] : space.fields[which]; }

  // The same as `step` leaves it.
  T* new_field(int which, Index step) const { return field(which, step + 1); }

  T* state(int which, Index step, Index row) const { return field(which, step) + row * space.stride; }

  // Where the output of a step goes, or null where only the last is wanted and it will be the state.
  T* output(Index step, Index row) const {
    if (call.sequences) return call.y + (sequence(row) * call.steps + step) * layer.units;
    return call.mask != nullptr ? call.y + row * layer.units : nullptr;
  }

  // What is kept of a step of one row.
  T* reserve(Index step, Index row) const {
    constexpr Index fields = kFacts.sums() + kStates;
    return call.reserve + (sequence(row) * call.steps + step) * fields * reserve_units<T>(layer.units);
  }

  // A row of the own weights of the units from `unit` on.
  const T* unit_weights(Index unit, Index row) const { return layer.unit_weights + unit * kUnitRows + row * kLanes; }

  // Partial sums of one row of a chunk, from the gate `gate` on, panel by panel: see look_ahead.h.
  T* ahead(Index row, Index gate) const { return space.ahead + (row * kGates + gate) * panel_count() * kLanes; }
};

}  // namespace gatewise::GATEWISE_ISA
