/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A C++ program outside the tree: counts the instructions of the program it is given,
 * with the pull form, and exits with the guest's status. */
#include <cstdint>
#include <iostream>
#include <memory>

#include <lt/lt.h>
#include <lt/unstable.h>

int main(int argc, char **argv)
{
    lt_config config;
    lt_session *created = nullptr;
    if (argc != 2 || lt_config_init(&config, sizeof config) < 0)
        return 125;
    config.program = argv[1];
    if (lt_session_create(&config, &created) < 0)
        return 125;
    std::unique_ptr<lt_session, void (*)(lt_session *)> session(created, lt_session_destroy);

    std::uint64_t count = 0;
    int status = 125;
    const lt_event *event;
    int more;
    while ((more = lt_session_next(session.get(), &event)) > 0) {
        if (event->type == LT_EVENT_INSN)
            ++count;
        else if (event->type == LT_EVENT_EXIT)
            status = reinterpret_cast<const lt_exit *>(event)->status;
    }
    if (more < 0) {
        std::cerr << lt_session_message(session.get()) << '\n';
        return 125;
    }
    std::cout << count << " instructions\n";
    return count == 0 ? 125 : status;
}
