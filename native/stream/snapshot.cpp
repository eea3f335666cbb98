#include "stream/snapshot.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "stream/costs.h"
#include "stream/crc32.h"

namespace gatewise::stream {
namespace {

// Numbers are written as they lie in memory, which is the order of the file on all machines that matter here.
void want_little_endian() {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  throw std::invalid_argument("snapshots need a little-endian machine");
#endif
}

class File {
 public:
  explicit File(int file) : file_(file) {}

  void put(const void* data, std::size_t bytes) {
    crc_.add(data, bytes);
    const auto* at = static_cast<const char*>(data);
    while (bytes != 0) {
      const ssize_t done = ::write(file_, at, bytes);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw std::system_error(errno, std::generic_category(), "cannot write the snapshot");
      at += done;
      bytes -= static_cast<std::size_t>(done);
    }
  }

  void get(void* data, std::size_t bytes) {
    auto* at = static_cast<char*>(data);
    for (std::size_t left = bytes; left != 0;) {
      const ssize_t done = ::read(file_, at, left);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw std::system_error(errno, std::generic_category(), "cannot read the snapshot");
      if (done == 0) throw std::invalid_argument("the snapshot is cut short");
      at += done;
      left -= static_cast<std::size_t>(done);
    }
    crc_.add(data, bytes);
  }

  void add(const std::vector<char>& bytes) { crc_.add(bytes.data(), bytes.size()); }
  std::uint32_t crc() const { return crc_.value(); }

 private:
  int file_;
  Crc32 crc_;
};

}  // namespace

void write_snapshot(int file, const std::vector<char>& header, const Records& records) {
  want_little_endian();
  File out(file);
  out.put(header.data(), header.size());
  const auto size = static_cast<std::uint64_t>(records.size());
  out.put(&size, sizeof size);
  std::vector<std::int64_t> ids(costs::kStreamsAtOnce);
  std::vector<float> states(static_cast<std::size_t>(costs::kStreamsAtOnce * records.record()));
  Index count = 0;
  for (Index at = 0, left = records.size(); left > 0; left -= count) {
    at = records.list(at, costs::kStreamsAtOnce, ids.data(), nullptr, &count);
    out.put(ids.data(), static_cast<std::size_t>(count) * sizeof(std::int64_t));
  }
  for (Index at = 0, left = records.size(); left > 0; left -= count) {
    at = records.list(at, costs::kStreamsAtOnce, nullptr, states.data(), &count);
    out.put(states.data(), static_cast<std::size_t>(count * records.record()) * sizeof(float));
  }
  const std::uint32_t crc = out.crc();
  out.put(&crc, sizeof crc);
}

Records read_snapshot(int file, const std::vector<char>& header, Index capacity, Index record) {
  want_little_endian();
  File in(file);
  in.add(header);
  std::uint64_t size = 0;
  in.get(&size, sizeof size);
  if (size > static_cast<std::uint64_t>(capacity)) {
    throw std::invalid_argument("the snapshot holds " + std::to_string(size) + " streams, and this pool at most " +
                                std::to_string(capacity) + ". Nothing was changed: make a larger pool.");
  }
  Records fresh(capacity, record);
  const auto count = static_cast<Index>(size);
  std::vector<std::int64_t> ids(costs::kStreamsAtOnce);
  for (Index done = 0; done < count; done += costs::kStreamsAtOnce) {
    const Index some = std::min(costs::kStreamsAtOnce, count - done);
    in.get(ids.data(), static_cast<std::size_t>(some) * sizeof(std::int64_t));
    try {
      fresh.add(ids.data(), some);
    } catch (const std::invalid_argument&) {
      throw std::invalid_argument("the snapshot is damaged: an id stands there twice");
    }
  }
  // New slots are given out in order, so the records lie as they do in the file.
  for (Index done = 0; done < count; done += costs::kStreamsAtOnce) {
    const Index some = std::min(costs::kStreamsAtOnce, count - done);
    in.get(fresh.at(static_cast<std::uint32_t>(done)), static_cast<std::size_t>(some * record) * sizeof(float));
  }
  const std::uint32_t crc = in.crc();
  std::uint32_t written = 0;
  in.get(&written, sizeof written);
  if (crc != written) throw std::invalid_argument("the snapshot is damaged: its checksum does not match");
  char more = 0;
  if (::read(file, &more, 1) != 0) throw std::invalid_argument("the snapshot is damaged: there is more after its end");
  return fresh;
}

}  // namespace gatewise::stream
