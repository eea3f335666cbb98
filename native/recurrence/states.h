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
      T* to = m.state(which, 0, row);
      const Index before = row_in(m.call.initial_rows, row) * m.call.initial_batch[which];
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
    const T* from = m.state(which, m.call.steps, row);
    T* to = all + row_in(rows, row) * stride;
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

}  // namespace gatewise::GATEWISE_ISA
