#include "stream/ids.h"

namespace gatewise::stream {

std::string Id::shown() const {
  constexpr std::size_t kMost = 60;
  constexpr const char* kDigits = "0123456789abcdef";
  if (kind == Kind::integer) return std::to_string(number);
  std::string words = kind == Kind::bytes ? "b'" : "'";
  std::size_t at = 0;
  for (; at < size; ++at) {
    const auto letter = static_cast<unsigned char>(letters[at]);
    const bool begins = (letter & 0xc0) != 0x80;  // a letter: others are the rest of one in UTF-8
    if (at >= kMost && (begins || kind == Kind::bytes)) break;
    if (letter < 0x20 || letter == 0x7f || (letter > 0x7f && kind == Kind::bytes)) {
      words += {'\\', 'x', kDigits[letter >> 4], kDigits[letter & 15]};
    } else {
      if (letter == '\'' || letter == '\\') words += '\\';
      words += static_cast<char>(letter);
    }
  }
  return words + (at < size ? "...'" : "'");
}

}  // namespace gatewise::stream
