#include "stream/pool.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "stream/costs.h"
#include "stream/snapshot.h"

namespace gatewise::stream {
namespace {

// Rows of a block at most.
Index rows_of_block(const Program& program) {
  Index floats = 2 * program.record();
  for (const auto& input : program.inputs()) floats += input.width;
  for (const auto& output : program.outputs()) floats += output.width;
  const Index rows = costs::kFloatsOfBlock / std::max<Index>(floats, 1) / costs::kRowsTogether * costs::kRowsTogether;
  return std::clamp(rows, costs::kLeastRows, costs::kMostRows);
}

}  // namespace

Pool::Pool(std::shared_ptr<const Program> program, Index capacity)
    : program_(std::move(program)), rows_(rows_of_block(*program_)), records_(capacity, program_->record()) {}

void Pool::use(std::shared_ptr<const Program> program) {
  program_ = std::move(program);
  rows_ = rows_of_block(*program_);
  workers_.clear();
}

void Pool::find(const std::int64_t* ids, Index count, bool once) {
  if (static_cast<Index>(slots_.size()) < count) slots_.resize(static_cast<std::size_t>(count));
  bool twice = false;
  records_.find(ids, count, slots_.data(), &twice);
  if (!twice) return;
  if (once) throw std::invalid_argument("an id stands twice among those to set. Nothing was set.");
  for (Index i = 0; i < count; ++i) slots_[static_cast<std::size_t>(i)] &= ~Records::kAgain;
}

void Pool::reset(const std::int64_t* ids, Index count) {
  find(ids, count, false);
  for (Index i = 0; i < count; ++i) {
    std::memset(records_.at(slots_[static_cast<std::size_t>(i)]), 0,
                static_cast<std::size_t>(records_.record()) * sizeof(float));
  }
}

void Pool::read(const std::int64_t* ids, Index count, float* states) {
  find(ids, count, false);
  const Index record = records_.record();
  for (Index i = 0; i < count; ++i) {
    std::memcpy(states + i * record, records_.at(slots_[static_cast<std::size_t>(i)]),
                static_cast<std::size_t>(record) * sizeof(float));
  }
}

void Pool::write(const std::int64_t* ids, Index count, const float* states) {
  find(ids, count, true);
  const Index record = records_.record();
  for (Index i = 0; i < count; ++i) {
    std::memcpy(records_.at(slots_[static_cast<std::size_t>(i)]), states + i * record,
                static_cast<std::size_t>(record) * sizeof(float));
  }
}

void Pool::dump(int file, const std::vector<char>& header) const { write_snapshot(file, header, records_); }

void Pool::load(int file, const std::vector<char>& header) {
  records_ = read_snapshot(file, header, records_.capacity(), records_.record());
}

}  // namespace gatewise::stream
