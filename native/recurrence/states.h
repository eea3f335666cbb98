// States in and out: from the caller's arrays to the working memory, and back.
#pragma once

#include "recurrence/member.h"

namespace gatewise::GATEWISE_ISA {

// The row of the caller's states that a sequence has.
inline Index row_in(const std::uint32_t* rows, Index sequence) {
  return rows == nullptr ? sequence : static_cast<Index>(rows[sequence]);
}

template <class T, class C>
void load_states(const Member<T, C>& m) {
  constexpr Index lanes = kWidth<T>;
  for (int which = 0; which < m.kStates; ++which) {
    const T* from = m.call.initial[which];
    for (Index row = m.rows.begin; row < m.rows.end; ++row) {
      T* to = m.state(which, m.first_step(row), row);
      const Index before = row_in(m.call.initial_rows, m.sequence(row)) * m.call.initial_batch[which];
      Index u = m.first_unit();
      if (from != nullptr && m.call.initial_unit[which] == 1) {
        const T* start = from + before;
        for (; u + lanes <= m.layer.units && u < m.panels.end * lanes; u += lanes) {
          store<T>(to + u, load<T>(start + u));
        }
      }
      for (; u < m.panels.end * lanes; ++u) {
        const bool there = from != nullptr && u < m.layer.units;
        to[u] = there ? from[before + u * m.call.initial_unit[which]] : T(0);
      }
    }
  }
  if (m.call.sequences || m.call.mask == nullptr || m.call.steps == 0) return;
  for (Index row = m.rows.begin; row < m.rows.end; ++row) {
    for (Index u = m.first_unit(); u < m.end_unit(); ++u) m.call.y[row * m.layer.units + u] = T(0);
  }
}

template <class T, class C>
void copy_state(const Member<T, C>& m, int which, T* all, Index stride, const std::uint32_t* rows) {
  constexpr Index lanes = kWidth<T>;
  for (Index row = m.rows.begin; row < m.rows.end; ++row) {
    const T* from = m.state(which, m.end_of_steps(row), row);
    T* to = all + row_in(rows, m.sequence(row)) * stride;
    Index u = m.first_unit();
    for (; u + lanes <= m.end_unit(); u += lanes) store<T>(to + u, load<T>(from + u));
    for (; u < m.end_unit(); ++u) to[u] = from[u];
  }
}

template <class T, class C>
void store_states(const Member<T, C>& m) {
  const Index units = m.layer.units;
  for (int which = 0; which < m.kStates; ++which) {
    const Index stride = m.call.last_batch[which] != 0 ? m.call.last_batch[which] : units;
    if (m.call.last[which] != nullptr) copy_state(m, which, m.call.last[which], stride, m.call.last_rows);
  }
  const bool written = m.call.sequences || (m.call.mask != nullptr && m.call.steps != 0);
  if (!written) copy_state(m, kOutput, m.call.y, units, nullptr);
}

// What stands for a row's padding among the outputs: the last real one again, or zeros; before the first real one zeros
// always.
template <class T, class C>
void fill_outputs(const Member<T, C>& m, Index row) {
  const Index first = m.first_step(row);
  const Index end = m.end_of_steps(row);
  const bool repeats = first == 0 && end != 0 && !m.call.zero_masked;
  const auto bytes = static_cast<std::size_t>(m.end_unit() - m.first_unit()) * sizeof(T);
  if (!m.call.sequences) {
    T* const y = m.call.y + m.sequence(row) * m.layer.units + m.first_unit();
    if (first == end || (end != m.call.steps && !repeats)) __builtin_memset(y, 0, bytes);
    return;
  }
  for (Index step = 0; step < first; ++step) __builtin_memset(m.output(step, row) + m.first_unit(), 0, bytes);
  for (Index step = end; step < m.call.steps; ++step) {
    T* const y = m.output(step, row) + m.first_unit();
    repeats ? __builtin_memcpy(y, y - m.layer.units, bytes) : __builtin_memset(y, 0, bytes);
  }
}

// What stands for it in a reserve, from one step to another: gates that are shut, and the states of the step `real`.
template <class T, class C>
void fill_reserve(const Member<T, C>& m, Index row, Index from, Index to, Index real) {
  const auto bytes = static_cast<std::size_t>(m.panel_count() * m.kLanes) * sizeof(T);
  const Index size = reserve_units<T>(m.layer.units);
  for (Index step = from; step < to; ++step) {
    T* at = m.reserve(step, row) + m.first_unit();
    for (int s = 0; s < m.kFacts.sums(); ++s, at += size) __builtin_memset(at, 0, bytes);
    for (int f = 0; f < m.kStates; ++f, at += size) {
      __builtin_memcpy(at, m.state(f, real, row) + m.first_unit(), bytes);
    }
  }
}

// When the states are loaded: what comes before the first real step of each row.
template <class T, class C>
void fill_before(const Member<T, C>& m) {
  if (m.call.lengths.rows == nullptr || m.call.reserve == nullptr || !m.call.fills) return;
  for (Index row = m.rows.begin; row < m.rows.end; ++row) fill_reserve(m, row, 0, m.first_step(row), m.first_step(row));
}

// When all steps are done: the rest.
template <class T, class C>
void fill_after(const Member<T, C>& m) {
  if (m.call.lengths.rows == nullptr) return;
  for (Index row = m.rows.begin; row < m.rows.end; ++row) {
    const Index end = m.end_of_steps(row);
    if (end - m.first_step(row) != m.call.steps) fill_outputs(m, row);
    if (m.call.reserve != nullptr && m.call.fills) fill_reserve(m, row, end, m.call.steps, end);
  }
}

}  // namespace gatewise::GATEWISE_ISA
