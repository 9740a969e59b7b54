#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| commonhold_fuzz::opened(data));
