// cxx - exceptions through many frames and threads, virtual calls, containers, streams.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct guard {
    static int live;
    guard() { live++; }
    ~guard() { live--; }
};
int guard::live = 0;

static int dive(int n)
{
    guard g;
    if (n == 0)
        throw std::runtime_error("bottom");
    try {
        return dive(n - 1) + 1;
    } catch (const std::logic_error &) {
        return -1;
    }
}

struct shape {
    virtual ~shape() = default;
    virtual double area() const = 0;
};
struct square : shape {
    double side;
    explicit square(double s) : side(s) {}
    double area() const override { return side * side; }
};
struct circle : shape {
    double radius;
    explicit circle(double r) : radius(r) {}
    double area() const override { return 3.0 * radius * radius; }
};

int main()
{
    for (int i = 0; i < 100; i++)
        try {
            dive(50);
        } catch (const std::exception &e) {
            if (i == 99)
                std::cout << e.what() << " live " << guard::live << '\n';
        }
    std::vector<std::unique_ptr<shape>> shapes;
    for (int i = 0; i < 100; i++)
        if (i % 2)
            shapes.emplace_back(new square(i));
        else
            shapes.emplace_back(new circle(i));
    double sum = 0;
    for (auto &s : shapes)
        sum += s->area();
    std::map<std::string, int> words;
    std::istringstream text("the quick brown fox jumps over the lazy dog the end");
    for (std::string w; text >> w;)
        words[w]++;
    std::cout << sum << ' ' << words["the"] << ' ' << words.begin()->first << '\n';
    int caught = 0;
    std::vector<std::thread> threads;
    std::vector<int> results(4);
    for (int i = 0; i < 4; i++)
        threads.emplace_back([i, &results] {
            try {
                dive(10 + i);
            } catch (...) {
                results[i] = i + 1;
            }
        });
    for (auto &t : threads)
        t.join();
    for (int r : results)
        caught += r;
    std::cout << "threads " << caught << '\n';
    try {
        std::vector<int>().at(5);
    } catch (const std::out_of_range &) {
        std::cout << "out of range\n";
    }
    return 0;
}
