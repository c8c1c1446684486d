// docs/reference/snapshot.schema.json describes what this writes. A field that comes or goes is a new version there.
#include "supervision/snapshot_words.hpp"

#include <charconv>
#include <concepts>
#include <cstdint>

namespace bastion {
namespace detail {
namespace {

class json_writer {
public:
    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_list() { open('['); }
    void end_list() { close(']'); }

    void key(std::string_view name) {
        separate();
        ((text_ += '"') += name) += "\":";
        after_key_ = true;
    }
    void value(std::string_view s) {
        separate();
        text_ += '"';
        append_escaped(text_, s);
        text_ += '"';
    }
    void value(bool b) {
        separate();
        text_ += b ? "true" : "false";
    }
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    void value(T n) {
        separate();
        char digits[24];
        text_.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
    }
    void value(std::chrono::nanoseconds d) { value(d.count()); }

    template <class T>
    void field(std::string_view name, const T& v) {
        key(name);
        value(v);
    }
    template <class T>
    void field(std::string_view name, const std::optional<T>& v) {
        if (v) field(name, *v);
    }

    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    void separate() {
        if (!first_ && !after_key_) text_ += ',';
        first_ = after_key_ = false;
    }
    void open(char c) {
        separate();
        text_ += c;
        first_ = true;
    }
    void close(char c) {
        text_ += c;
        first_ = false;
    }

    std::string text_;
    bool first_ = true;
    bool after_key_ = false;
};

void write(json_writer& out, const unread_count& n) {
    out.begin_object();
    out.field("messages", n.messages);
    out.field("exact", n.exact);
    out.end_object();
}

void write(json_writer& out, const source_location& where) {
    out.begin_object();
    out.field("file", std::string_view(where.file_name()));
    out.field("line", where.line());
    out.end_object();
}

void write(json_writer& out, const exit_reason& why) {
    out.begin_object();
    out.field("kind", word_of(why.kind()));
    const std::string what = why.what();
    out.field("what", std::string_view(what));
    out.end_object();
}

void write(json_writer& out, const placement& p) {
    out.begin_object();
    out.field("kind", word_of(p.what()));
    if (p.what() == placement::kind::node) out.field("node", p.number());
    out.field("bound", p.is_bound());
    out.end_object();
}

void write(json_writer& out, const snapshot_entry& e) {
    out.begin_object();
    out.field("name", std::string_view(e.name));
    out.field("path", std::string_view(e.path));
    out.field("kind", to_string(e.kind));
    out.field("status", to_string(e.status));
    if (e.kind != snapshot_kind::element) out.field("known", to_string(e.known));
    if (e.kind == snapshot_kind::group) out.field("implicit", e.implicit);
    if (e.kind != snapshot_kind::element) out.field("significant", e.significant);
    if (e.restart) out.field("restart", word_of(*e.restart));
    if (e.strategy) out.field("strategy", word_of(*e.strategy));
    out.field("restarts", e.restarts);
    out.field("incarnation", e.incarnation);
    out.field("age_ns", e.age);
    if (e.reason) {
        out.key("reason");
        write(out, *e.reason);
    }
    if (e.unread) {
        out.key("unread");
        write(out, *e.unread);
    }
    if (!e.in_hand.empty()) out.field("in_hand", e.in_hand);
    if (e.placement) {
        out.key("placement");
        write(out, *e.placement);
    }
    if (e.where.known()) {
        out.key("where");
        write(out, e.where);
    }
    if (e.kind != snapshot_kind::element) {
        if (e.known == snapshot_knowledge::whole) out.field("total", e.total);
        out.key("children");
        out.begin_list();
        for (const snapshot_entry& c : e.children) write(out, c);
        out.end_list();
    }
    out.end_object();
}

void write(json_writer& out, const blocking_counters& b) {
    out.begin_object();
    out.field("queued", b.queued);
    out.field("running", b.running);
    out.field("threads", b.threads);
    out.field("idle", b.idle);
    out.field("peak_threads", b.peak_threads);
    out.field("completed", b.completed);
    out.field("cancelled", b.cancelled);
    out.end_object();
}

} // namespace
} // namespace detail

std::string to_json(const snapshot& s) {
    detail::json_writer out;
    out.begin_object();
    out.field("schema", std::string_view("bastion.snapshot/1"));
    out.field("partial", s.partial());
    out.key("runtime");
    out.begin_object();
    out.field("stage", to_string(s.stage));
    out.field("time_ns", s.time);
    out.field("uptime_ns", s.uptime);
    out.field("workers", s.workers);
    out.field("resumes", s.resumes);
    out.field("steals", s.steals);
    out.field("parks", s.parks);
    out.key("dead_letters");
    out.begin_object();
    for (std::size_t i = 0; i < s.dead_letters.size(); ++i)
        out.field(detail::word_of(static_cast<drop_reason>(i)), s.dead_letters[i]);
    out.end_object();
    out.key("blocking");
    write(out, s.blocking);
    out.end_object();
    out.key("processes");
    out.begin_object();
    out.field("supervisors", s.supervisors);
    out.field("groups", s.groups);
    out.field("elements", s.elements);
    out.field("missing", s.missing);
    out.end_object();
    out.key("root");
    write(out, s.root);
    out.end_object();
    return out.take();
}

} // namespace bastion
