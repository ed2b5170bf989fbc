// Linked against one module and what it may use: see luthier_layer in CMakeLists.txt.
int main() { return 0; }
