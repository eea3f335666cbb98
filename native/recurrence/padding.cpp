#include "recurrence/padding.h"

#include <algorithm>
#include <numeric>

#include "base/costs.h"

namespace gatewise {
namespace {

// Steps of a sequence that are real, from `begin` to `end`.
Index count_real(const Mask& mask, const std::uint8_t* row, Index begin, Index end) {
  Index count = 0;
  if (mask.step == 1) {
    for (Index t = begin; t < end; ++t) count += row[t] != 0 ? 1 : 0;
  } else {
    for (Index t = begin; t < end; ++t) count += row[t * mask.step] != 0 ? 1 : 0;
  }
  return count;
}

}  // namespace

Padding::Padding(Mask mask, bool go_backwards) : all_(mask.batch * mask.steps) {
  if (mask.at == nullptr) {
    real_ = all_;
    return;
  }
  std::vector<std::uint32_t> lengths(static_cast<std::size_t>(mask.batch));
  bool first = true;
  bool last = true;
  for (Index i = 0; i < mask.batch; ++i) {
    const std::uint8_t* const row = mask.at + i * mask.row;
    const Index real = count_real(mask, row, 0, mask.steps);
    first = first && count_real(mask, row, 0, real) == real;
    last = last && count_real(mask, row, mask.steps - real, mask.steps) == real;
    if (!first && !last) return;
    lengths[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(real);
    real_ += real;
  }
  if (nothing()) return;
  last_ = first == go_backwards;
  rows_.resize(lengths.size());
  std::iota(rows_.begin(), rows_.end(), 0U);
  std::stable_sort(rows_.begin(), rows_.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return lengths[a] > lengths[b]; });
  steps_.reserve(lengths.size());
  for (const std::uint32_t row : rows_) steps_.push_back(lengths[row]);
}

Lengths Padding::lengths() const { return rows_.empty() ? Lengths{} : Lengths{rows_.data(), steps_.data(), last_}; }

double real_steps(const Lengths& lengths, Index batch, Index steps) {
  if (lengths.rows == nullptr) return static_cast<double>(batch) * static_cast<double>(steps);
  return std::accumulate(lengths.steps, lengths.steps + batch, 0.0);
}

std::vector<Index> cut(const Lengths& lengths, Index batch, Index rows) {
  const auto work_of_one = [&](Index row) { return static_cast<double>(lengths.steps[row]); };
  const auto pieces = static_cast<double>((batch + rows - 1) / rows);
  const double longest = batch != 0 ? work_of_one(0) * costs::kRowsOfAStep : 0;
  const double share = (real_steps(lengths, batch, 0) + longest) / pieces;
  std::vector<Index> ends;
  Index begin = 0;
  double work = longest;
  for (Index row = 0; row < batch; ++row) {
    work += work_of_one(row);
    const bool full = work >= share || row + 1 - begin == costs::kMostOfAPiece * rows;
    if (!full && row + 1 != batch) continue;
    ends.push_back(begin = row + 1);
    if (begin != batch) work = work_of_one(begin) * costs::kRowsOfAStep;
  }
  return ends;
}

}  // namespace gatewise
