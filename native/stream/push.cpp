// How a push is divided among threads: ids to look up, then blocks of rows, round after round.
#include "stream/push.h"

#include <new>

#include "threads/team.h"

namespace gatewise::stream {

void Pool::push(const Ids& ids, const void* const* inputs, float* const* outputs, Unknown unknown) {
  const Index count = ids.size();
  Call call;
  call.batch = count;
  call.steps = 1;
  call.inputs = inputs;
  program_->check(call);
  if (count == 0) return;
  Push push;
  push.pool = this;
  push.inputs = inputs;
  push.outputs = outputs;
  const Index wanted = members_for(count);
  while (static_cast<Index>(workers_.size()) < wanted) workers_.push_back(std::make_unique<Worker>(*program_, rows_));
  push.search = search(ids, unknown == Unknown::added);
  push.ids = count;
  Team team(wanted);
  push.members = std::min(team.size(), wanted);
  push.has_team = wanted > 1;
  push.search.alone = push.members == 1;
  try {
    Streams::Change change(streams_, push.search.stamp);
    push.change = &change;
    team.run(push.members, &Pool::search_and_work, &push);
    if (push.error) std::rethrow_exception(push.error);
    change.keep();
  } catch (...) {
    records().undo(push.search);
    throw;
  }
  finish(push);
  if (!push.twice) return;
  for (Index round = 1; round < rounds_.size(); ++round) {
    divide(push, rounds_.rows(round), rounds_.slots(round), rounds_.count(round));
    team.run(push.members, &Pool::work, &push);
    finish(push);
  }
}

// Threads that `count` rows are worth.
Index Pool::members_for(Index count) const {
  const bool worth = program_->work() * static_cast<double>(count) > costs::kWorthThreads;
  return worth ? std::min(threads(), divided(count, rows_)) : 1;
}

// One member's part of a push's search and of its first round.
void Pool::search_and_work(void* context, Index member) {
  auto& push = *static_cast<Push*>(context);
  push.pool->look_up(push);
  if (member == 0) {
    push.pool->begin(push);
    if (push.stage == Push::Stage::over) return;
  } else if (!push.reaches(Push::Stage::computing)) {
    return;
  }
  work(context, member);
}

void Pool::look_up(Push& push) const {
  for (;;) {
    const Index begin = push.searches.fetch_add(1, std::memory_order_relaxed) * costs::kLookUps;
    if (begin >= push.ids) return;
    const auto found = records().find_part(push.search, begin, std::min(begin + costs::kLookUps, push.ids));
    if (!found.all) push.unknown = true;
    if (found.twice) push.twice = true;
    push.looked_up.fetch_add(1, std::memory_order_acq_rel);
  }
}

// What the caller does between the search and the first round. All memory that a push takes for itself is taken here.
void Pool::begin(Push& push) {
  const Index parts = divided(push.ids, costs::kLookUps);
  Push::wait([&] { return push.looked_up.load(std::memory_order_acquire) == parts; });
  auto next = Push::Stage::over;
  try {
    if (push.unknown && !push.search.through) records().refuse(push.search.ids);
    if (push.unknown && push.change->add_missing(push.search)) push.twice = true;
    if (push.twice) {
      rounds_.make(slots_.data(), push.ids);
      divide(push, rounds_.rows(0), rounds_.slots(0), rounds_.count(0));
    } else {
      divide(push, nullptr, slots_.data(), push.ids);
    }
    if (streams_.save_under_way()) {
      for (Index i = 0; i < push.ids; ++i) streams_.before_change(slots_[static_cast<std::size_t>(i)]);
    }
    next = Push::Stage::computing;
  } catch (...) {
    push.error = std::current_exception();
  }
  push.stage.store(next, std::memory_order_release);
}

// Divides a round into blocks: as many for each member, as high as one another, and never higher than in rounds before.
void Pool::divide(Push& push, const std::uint32_t* order, const std::uint32_t* slots, Index count) const {
  const bool first = push.count == 0;
  push.members = std::min(push.members, members_for(count));
  const Index even = divided(count, divided(divided(count, rows_), push.members) * push.members);
  push.height = std::min(divided(even, costs::kRowsTogether) * costs::kRowsTogether, first ? rows_ : push.height);
  push.order = order;
  push.slots = slots;
  push.count = count;
  const bool alone = first && !push.has_team && program_->work() * static_cast<double>(count) > costs::kWorthThreads;
  push.inner_threads = alone ? threads() : 1;
  push.taken = 1;
}

// Does what was given back. The caller has had memory for a block as large.
void Pool::finish(Push& push) {
  for (auto& worker : workers_) {
    for (const Index block : worker->given_back) compute(push, *workers_[0], push.block(block), {}, records().at(0));
    worker->given_back.clear();
  }
}

// The blocks of one member, of which the caller (member 0) has the first. That is as large as any later one of the
// push, so if there is memory for it there is for all, and nothing is kept before that is known. Another member without
// memory leaves its blocks to the caller.
//
// So a member computes its first block aside. After that nothing can fail, and records are advanced where they lie.
void Pool::work(void* context, Index member) {
  auto& push = *static_cast<Push*>(context);
  Pool& pool = *push.pool;
  Worker& worker = *pool.workers_[static_cast<std::size_t>(member)];
  const Index first_block = member == 0 ? 0 : push.take();
  const Rows first = push.block(first_block);
  if (first.count == 0) return;
  Index block = push.take();
  Rows rows = push.block(block);
  ask_for(pool.soon(push, first), pool.records().record());
  try {
    pool.compute(push, worker, first, rows, worker.aside.data());
  } catch (const std::bad_alloc&) {
    if (member == 0) {
      push.error = std::current_exception();
      return push.stage.store(Push::Stage::over);
    }
    worker.given_back.push_back(first_block);
    if (rows.count != 0) worker.given_back.push_back(block);
    return;
  }
  if (member == 0) push.stage.store(Push::Stage::keeping, std::memory_order_release);
  if (!push.reaches(Push::Stage::keeping)) return;
  pool.keep(push, worker, first);
  while (rows.count != 0) {
    block = push.take();
    const Rows next = push.block(block);
    pool.compute(push, worker, rows, next, pool.records().at(0));
    rows = next;
  }
}

}  // namespace gatewise::stream
