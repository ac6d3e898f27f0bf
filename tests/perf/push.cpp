// One copy of an image, timed: what tests/perf/push.sh compares with skopeo.
//   perf_push FROM TO [PARALLEL]      each "oci:DIR:NAME" or "HOST/REPOSITORY:TAG" (plain HTTP)
// Prints what was moved, seconds of wall and CPU, and the peak of memory.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/text.h"
#include "content/copy.h"
#include "oci/reference.h"
#include "registry/repository.h"
#include "store/ends.h"

namespace {

using namespace imgforge;

struct End {
  std::unique_ptr<http::Pool> pool;
  std::unique_ptr<registry::Client> client;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<content::Origin> origin;
  std::string name;  // tag or digest
};

Result<End> open(const std::string& text, bool target) {
  const auto reference = TRY(oci::Reference::parse(text));
  End end;
  if (const auto* layout = reference.layout()) {
    end.name = layout->tag ? layout->tag->to_string() : "";
    if (target) {
      end.store = std::make_unique<store::Store>(TRY(store::Store::open(layout->directory)));
      end.origin = std::make_unique<store::StoreEnd>(*end.store);
    } else {
      end.origin = std::make_unique<store::LayoutOrigin>(layout->directory);
    }
    return end;
  }
  const auto* image = reference.registry();
  if (image == nullptr) return fail(Errc::usage, text + " is neither a layout nor in a registry");
  end.name = image->digest ? image->digest->to_string() : image->tag ? image->tag->to_string() : "";
  end.pool = std::make_unique<http::Pool>(http::Settings{});
  end.client =
      std::make_unique<registry::Client>(registry::Options{.host = image->host, .plain_http = true},
                                         *end.pool, base::silent_progress());
  end.origin = std::make_unique<registry::Repository>(*end.client, image->repository);
  return end;
}

Result<> run(int argc, char** argv) {
  if (argc < 3) return fail(Errc::usage, "perf_push FROM TO [PARALLEL]");
  End from = TRY(open(argv[1], false)), to = TRY(open(argv[2], true));
  content::CopyOptions options{.tags = {to.name}};
  if (argc > 3) options.parallel = base::parse_uint(argv[3]).value_or(6);
  const auto started = std::chrono::steady_clock::now();
  const auto report =
      TRY(content::copy(*from.origin, from.name, dynamic_cast<content::Target&>(*to.origin),
                        options, base::silent_progress(), {}));
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  fmt::print("{} sent ({}), {} mounted, {} there: {:.3f} s wall, {:.3f} s CPU, {:.1f} MiB\n",
             report.moved.sent.blobs, base::human_bytes(report.moved.sent.bytes),
             report.moved.mounted.blobs, report.moved.there.blobs, wall.count(),
             seconds(used.ru_utime) + seconds(used.ru_stime),
             static_cast<double>(used.ru_maxrss) / 1024);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto done = run(argc, argv); !done) {
    std::fprintf(stderr, "%s\n", done.error().summary().c_str());
    return 1;
  }
  return 0;
}
