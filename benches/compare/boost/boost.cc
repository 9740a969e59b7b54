// What of Boost.Interprocess is measured, with C's calling convention.

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>

#include <new>

namespace ipc = boost::interprocess;

static_assert(sizeof(ipc::interprocess_mutex) <= 4096 && sizeof(ipc::interprocess_semaphore) <= 4096, "a page");

extern "C" {

void *boost_queue_create(const char *name, size_t capacity, size_t bytes) try {
    return new ipc::message_queue(ipc::create_only, name, capacity, bytes);
} catch (...) {
    return nullptr;
}

void *boost_queue_open(const char *name) try {
    return new ipc::message_queue(ipc::open_only, name);
} catch (...) {
    return nullptr;
}

void boost_queue_close(void *queue) { delete static_cast<ipc::message_queue *>(queue); }

bool boost_queue_remove(const char *name) { return ipc::message_queue::remove(name); }

bool boost_queue_send(void *queue, const void *message, size_t bytes) try {
    static_cast<ipc::message_queue *>(queue)->send(message, bytes, 0);
    return true;
} catch (...) {
    return false;
}

size_t boost_queue_receive(void *queue, void *message, size_t room) try {
    ipc::message_queue::size_type received = 0;
    unsigned priority = 0;
    static_cast<ipc::message_queue *>(queue)->receive(message, room, received, priority);
    return received;
} catch (...) {
    return 0;
}

void boost_mutex_init(void *at) { new (at) ipc::interprocess_mutex; }
void boost_mutex_lock(void *at) { static_cast<ipc::interprocess_mutex *>(at)->lock(); }
void boost_mutex_unlock(void *at) { static_cast<ipc::interprocess_mutex *>(at)->unlock(); }

void boost_semaphore_init(void *at, unsigned permits) { new (at) ipc::interprocess_semaphore(permits); }
void boost_semaphore_wait(void *at) { static_cast<ipc::interprocess_semaphore *>(at)->wait(); }
void boost_semaphore_post(void *at) { static_cast<ipc::interprocess_semaphore *>(at)->post(); }

bool boost_memory_create(const char *name, size_t bytes) try {
    ipc::shared_memory_object object(ipc::create_only, name, ipc::read_write);
    object.truncate(bytes);
    ipc::mapped_region region(object, ipc::read_write);
    auto *start = static_cast<volatile char *>(region.get_address());
    start[0] = 1;
    start[bytes - 1] = 1;
    return ipc::shared_memory_object::remove(name);
} catch (...) {
    return false;
}
}
