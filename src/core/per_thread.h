/* What each thread has for itself. A bare board has one thread, and often no thread-local storage. */
#ifndef AMBLE_CORE_PER_THREAD_H
#define AMBLE_CORE_PER_THREAD_H
#if defined(__unix__) || defined(__APPLE__) || defined(_WIN32)
#define AMBLE__PER_THREAD _Thread_local
#else
#define AMBLE__PER_THREAD
#endif
#endif
