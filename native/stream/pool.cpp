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

Pool::Pool(std::shared_ptr<const Program> program, Capacity capacity)
    : program_(std::move(program)), rows_(rows_of_block(*program_)), streams_(program_->record(), capacity) {}

Pool::Pool(std::shared_ptr<const Program> program, Streams streams)
    : program_(std::move(program)), rows_(rows_of_block(*program_)), streams_(std::move(streams)) {}

Pool Pool::copy() const {
  std::unique_lock<ForkLock> hold(lock_);
  std::shared_ptr<const Program> program = program_;
  Streams streams(streams_);
  hold.unlock();  // A fork wants the list of all locks, to which the copy's are added, before any of them.
  return {std::move(program), std::move(streams)};
}

void Pool::use(std::shared_ptr<const Program> program) {
  program_ = std::move(program);
  rows_ = rows_of_block(*program_);
  workers_.clear();
}

Records::Search Pool::search(const Ids& ids, bool through) {
  const auto count = static_cast<std::size_t>(ids.size());
  if (slots_.size() < count) slots_.resize(count);
  if (before_.size() < count) before_.resize(count);
  Records::Search made = streams_.search(ids, slots_.data(), before_.data());
  made.through = through;
  return made;
}

// The slots of `ids`, which are used now; with `once`, each must stand there once.
void Pool::find(const Ids& ids, bool once, const char* what) {
  const Records::Search made = search(ids);
  const Records::Found found = records().find_part(made, 0, ids.size());
  if (found.all && !(found.twice && once)) {
    for (Index i = 0; found.twice && i < ids.size(); ++i) slots_[static_cast<std::size_t>(i)] &= ~Records::kAgain;
    return;
  }
  records().undo(made);
  if (!found.all) records().refuse(ids);
  throw std::invalid_argument(std::string("an id stands twice among those to ") + what);
}

void Pool::drop(const Ids& ids) {
  find(ids, true, "drop. Nothing was dropped.");
  streams_.drop({slots_.begin(), slots_.begin() + ids.size()});
}

void Pool::reset(const Ids& ids) {
  find(ids, false, "");
  for (Index i = 0; i < ids.size(); ++i) {
    const std::uint32_t slot = slots_[static_cast<std::size_t>(i)];
    streams_.before_change(slot);
    std::memset(records().at(slot), 0, records().bytes());
  }
}

void Pool::read(const Ids& ids, float* states, Unknown unknown) const {
  const Index record = records().record();
  for (Index i = 0; i < ids.size(); ++i) {
    const Records::Entry entry = records().find(ids[i]);
    if (entry) {
      std::memcpy(states + i * record, records().at(entry.slot), records().bytes());
    } else if (unknown == Unknown::added) {
      std::memset(states + i * record, 0, records().bytes());
    } else {
      records().refuse(ids);
    }
  }
}

void Pool::write(const Ids& ids, const float* states, Unknown unknown) {
  if (unknown == Unknown::refused) {
    find(ids, true, "set. Nothing was set.");
  } else {
    const Records::Search made = search(ids, true);
    records().find_part(made, 0, ids.size());
    try {
      Streams::Change change(streams_, made.stamp);
      change.add_missing(made);
      change.keep();
    } catch (...) {
      records().undo(made);
      throw;
    }
  }
  const Index record = records().record();
  for (Index i = 0; i < ids.size(); ++i) {
    const std::uint32_t slot = slots_[static_cast<std::size_t>(i)] & ~Records::kAgain;
    streams_.before_change(slot);
    std::memcpy(records().at(slot), states + i * record, records().bytes());
  }
}

}  // namespace gatewise::stream
