//! The functions of `boost/boost.cc`.

use std::ffi::{c_char, c_uint, c_void};

unsafe extern "C" {
    pub fn boost_queue_create(name: *const c_char, capacity: usize, bytes: usize) -> *mut c_void;
    pub fn boost_queue_open(name: *const c_char) -> *mut c_void;
    pub fn boost_queue_close(queue: *mut c_void);
    pub fn boost_queue_remove(name: *const c_char) -> bool;
    pub fn boost_queue_send(queue: *mut c_void, message: *const c_void, bytes: usize) -> bool;
    pub fn boost_queue_receive(queue: *mut c_void, message: *mut c_void, room: usize) -> usize;

    pub fn boost_mutex_init(at: *mut c_void);
    pub fn boost_mutex_lock(at: *mut c_void);
    pub fn boost_mutex_unlock(at: *mut c_void);

    pub fn boost_semaphore_init(at: *mut c_void, permits: c_uint);
    pub fn boost_semaphore_wait(at: *mut c_void);
    pub fn boost_semaphore_post(at: *mut c_void);

    pub fn boost_memory_create(name: *const c_char, bytes: usize) -> bool;
}
