"""A list, a form, a download, JSON and a stream."""

import django
from django import forms
from django.http import FileResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from .models import Author, Book


class BookForm(forms.Form):
    title = forms.CharField(max_length=200)
    author = forms.CharField(max_length=100)
    cover = forms.FileField(required=False)


def index(request):
    visits = request.session.get('visits', 0) + 1
    request.session['visits'] = visits
    return render(request, 'library/index.html', {
        'books': Book.objects.select_related('author'), 'visits': visits, 'version': django.get_version()})


def add(request):
    form = BookForm(request.POST or None, request.FILES or None)
    if request.method == 'POST' and form.is_valid():
        author, _ = Author.objects.get_or_create(name=form.cleaned_data['author'])
        Book.objects.create(title=form.cleaned_data['title'], author=author,
                            cover=form.cleaned_data['cover'] or '')
        return redirect('/')
    return render(request, 'library/add.html', {'form': form})


def as_json(request):
    books = Book.objects.values('title', 'author__name')
    return JsonResponse({'books': list(books), 'secure': request.is_secure(), 'host': request.get_host()})


def cover(request, pk):
    return FileResponse(get_object_or_404(Book, pk=pk).cover.open('rb'))


def rows(request):
    count = int(request.GET['count'])
    return StreamingHttpResponse(('row %d\n' % i for i in range(count)), content_type='text/plain')


def error(request):
    return Book.objects.get(title='no book has this title')
