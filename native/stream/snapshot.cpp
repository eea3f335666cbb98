#include "stream/snapshot.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "stream/costs.h"

namespace gatewise::stream {
namespace {

// Numbers are written as they lie in memory, which is the order of the file on all machines that matter here.
void want_little_endian() {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  throw std::invalid_argument("saved pools need a little-endian machine");
#endif
}

template <class Number>
void append(std::vector<char>& bytes, Number number) {
  const auto* at = reinterpret_cast<const char*>(&number);
  bytes.insert(bytes.end(), at, at + sizeof number);
}

[[noreturn]] void damaged(const char* how) {
  throw std::invalid_argument(std::string("the bytes are damaged: ") + how);
}

// Whether letters are text in UTF-8: no letter longer than it must be, none of the halves of UTF-16, none beyond its
// end.
bool is_text(const char* letters, std::size_t size) {
  const auto* at = reinterpret_cast<const unsigned char*>(letters);
  const auto* const end = at + size;
  while (at < end) {
    const unsigned first = *at++;
    if (first < 0x80) continue;
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - at < more) return false;
    unsigned letter = first & (0x3fU >> more);
    for (int k = 0; k < more; ++k, ++at) {
      if ((*at & 0xc0) != 0x80) return false;
      letter = letter << 6 | (*at & 0x3fU);
    }
    const unsigned least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
    if (letter < least || letter > 0x10ffff || (letter >= 0xd800 && letter < 0xe000)) return false;
  }
  return true;
}

}  // namespace

void put_id(std::vector<char>& bytes, const Id& id) {
  const std::size_t before = bytes.size();
  try {
    append(bytes, static_cast<std::uint8_t>(id.kind));
    if (id.kind == Kind::integer) return append(bytes, id.number);
    append(bytes, static_cast<std::uint16_t>(id.size));
    bytes.insert(bytes.end(), id.letters, id.letters + id.size);
  } catch (...) {
    bytes.resize(before);
    throw;
  }
}

// -- writing ----------------------------------------------------------------------------------------------------------

void Writer::put(const void* data, std::size_t bytes) {
  crc_.add(data, bytes);
  const auto* at = static_cast<const char*>(data);
  if (memory_ != nullptr) {
    memory_->insert(memory_->end(), at, at + bytes);
    return;
  }
  while (bytes != 0) {
    const ssize_t done = ::write(file_, at, bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw std::system_error(errno, std::generic_category(), "cannot write the snapshot");
    at += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void Writer::put_block(Index count, const std::vector<char>& ids) {
  const std::uint32_t sizes[] = {static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(ids.size())};
  put(sizes, sizeof sizes);
  put(ids.data(), ids.size());
}

void Writer::begin(const std::vector<char>& header, const IdList& gone, Index streams) {
  want_little_endian();
  put(header.data(), header.size());
  const std::uint64_t counts[] = {static_cast<std::uint64_t>(streams), static_cast<std::uint64_t>(gone.size())};
  put(counts, sizeof counts);
  Block block;
  for (Index i = 0; i < gone.size(); ++i) {
    block.add(gone[i], nullptr, 0);
    if (!block.full() && i + 1 < gone.size()) continue;
    put_block(block.count, block.ids);
    block.clear();
  }
}

void Writer::add(const Block& block) {
  if (block.count == 0) return;
  put_block(block.count, block.ids);
  put(block.records.data(), block.records.size() * sizeof(float));
}

void Writer::end() {
  const std::uint32_t crc = crc_.value();
  put(&crc, sizeof crc);
}

// -- reading ----------------------------------------------------------------------------------------------------------

// Up to so many of the bytes that come next; 0 at their end.
std::size_t Reader::some(void* data, std::size_t bytes) {
  if (file_ < 0) {
    const std::size_t taken = std::min(bytes, left_);
    if (taken != 0) std::memcpy(data, memory_, taken);
    memory_ += taken;
    left_ -= taken;
    return taken;
  }
  for (;;) {
    const ssize_t done = ::read(file_, data, bytes);
    if (done >= 0) return static_cast<std::size_t>(done);
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "cannot read the snapshot");
  }
}

void Reader::get(void* data, std::size_t bytes) {
  auto* at = static_cast<char*>(data);
  for (std::size_t left = bytes; left != 0;) {
    const std::size_t done = some(at, left);
    if (done == 0) throw std::invalid_argument("the bytes are cut short");
    at += done;
    left -= done;
  }
  crc_.add(data, bytes);
}

// The ids of a block, whose letters stay in place until the next one.
std::vector<Id> Reader::read_ids(Index left) {
  const auto count = static_cast<Index>(get<std::uint32_t>());
  const auto bytes = static_cast<std::size_t>(get<std::uint32_t>());
  const bool fits = count > 0 && count <= std::min(left, costs::kStreamsOfBlock) &&
                    bytes <= static_cast<std::size_t>(costs::kIdBytesOfBlock) + Id::kLongest + 3;
  if (!fits) damaged("a block is of another size");
  ids_.resize(bytes);
  get(ids_.data(), bytes);
  std::vector<Id> ids;
  ids.reserve(static_cast<std::size_t>(count));
  const char* at = ids_.data();
  const char* const end = at + bytes;
  for (Index i = 0; i < count; ++i) {
    if (end - at < 3) damaged("an id is cut short");
    const auto kind = static_cast<std::uint8_t>(*at++);
    if (kind > 2) damaged("an id is of no known kind");
    std::int64_t number = 0;
    std::uint16_t size = 0;
    const std::size_t head = kind == 0 ? sizeof number : sizeof size;
    if (static_cast<std::size_t>(end - at) < head) damaged("an id is cut short");
    std::memcpy(kind == 0 ? static_cast<void*>(&number) : &size, at, head);
    at += head;
    if (end - at < size) damaged("an id is cut short");
    if (kind == 1 && !is_text(at, size)) damaged("an id is no text in UTF-8");
    ids.push_back(kind == 0 ? Id(number) : Id(static_cast<Kind>(kind), at, size));
    at += size;
  }
  if (at != end) damaged("a block is of another size");
  return ids;
}

void Reader::read_blocks(Records& records, Index count) {
  for (Index done = 0; done < count;) {
    const std::vector<Id> ids = read_ids(count - done);
    const Index sum = done + static_cast<Index>(ids.size());
    if (sum > records.room()) records.grow(std::max(sum, records.room() * 3 / 2));
    const Index first = records.used();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::uint32_t stamp = static_cast<std::uint32_t>(done) + static_cast<std::uint32_t>(i) + 1;
      if (records.add(ids[i], stamp) == Records::kNone) damaged("an id stands there twice");
    }
    // New slots are given out in order, so the records lie as they do in the bytes.
    get(records.at(static_cast<std::uint32_t>(first)), ids.size() * records.bytes());
    done = sum;
  }
}

// Version 1: all ids, which are integers, then all records.
void Reader::read_first(Records& records, Index count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(std::min(count, costs::kStreamsOfBlock)));
  for (Index done = 0; done < count;) {
    const Index some = std::min(costs::kStreamsOfBlock, count - done);
    get(ids.data(), static_cast<std::size_t>(some) * sizeof(std::int64_t));
    if (done + some > records.room()) records.grow(std::max(done + some, records.room() * 3 / 2));
    for (Index i = 0; i < some; ++i, ++done) {
      const std::uint32_t slot =
          records.add(Id(ids[static_cast<std::size_t>(i)]), static_cast<std::uint32_t>(done) + 1);
      if (slot == Records::kNone) damaged("an id stands there twice");
    }
  }
  for (Index done = 0; done < count; done += costs::kStreamsOfBlock) {
    const Index some = std::min(costs::kStreamsOfBlock, count - done);
    get(records.at(static_cast<std::uint32_t>(done)), static_cast<std::size_t>(some) * records.bytes());
  }
}

void Reader::read_end() {
  const std::uint32_t crc = crc_.value();
  if (get<std::uint32_t>() != crc) damaged("their checksum does not match");
  char more = 0;
  if (some(&more, 1) != 0) damaged("there is more after their end");
}

Saved Reader::read(const std::vector<char>& header, int version, Index record, Index room, Index most) {
  want_little_endian();
  crc_.add(header.data(), header.size());
  const auto streams = get<std::uint64_t>();
  const std::uint64_t gone = version == 1 ? 0 : get<std::uint64_t>();
  if (streams > static_cast<std::uint64_t>(most)) {
    throw std::invalid_argument("it holds " + std::to_string(streams) + " streams, and this pool at most " +
                                std::to_string(most) + ". Nothing was changed: set pool.capacity to more");
  }
  Saved saved{std::make_unique<Records>(record, room), {}};
  for (std::uint64_t done = 0; done < gone;) {
    for (const Id& id : read_ids(static_cast<Index>(std::min<std::uint64_t>(gone - done, INT64_MAX)))) {
      saved.gone.add(id);
      ++done;
    }
  }
  const auto count = static_cast<Index>(streams);
  if (version == 1) {
    read_first(*saved.streams, count);
  } else {
    read_blocks(*saved.streams, count);
  }
  read_end();
  return saved;
}

}  // namespace gatewise::stream
